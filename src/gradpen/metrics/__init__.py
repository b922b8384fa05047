"""Measures of critics and of samples."""
