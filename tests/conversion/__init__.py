"""What holds of the conversion of ANNs."""
