"""Tests of attacks, on N samples of K classes."""

N, K = 40, 4
