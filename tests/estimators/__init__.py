"""What holds of the classifiers, and what ART asks of them."""
