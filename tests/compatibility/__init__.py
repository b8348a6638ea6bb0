"""Which of ART's attacks, defences, wrappers and metrics work on spiking classifiers; `make compatibility` asks."""
