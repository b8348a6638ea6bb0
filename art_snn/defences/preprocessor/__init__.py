"""Filters that erase events before a classifier sees them."""

from art_snn.defences.preprocessor.background_activity import BackgroundActivityFilter
from art_snn.defences.preprocessor.flash import FlashFilter
from art_snn.defences.preprocessor.refractory import RefractoryFilter

__all__ = ["BackgroundActivityFilter", "FlashFilter", "RefractoryFilter"]
