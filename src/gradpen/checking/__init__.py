"""Checking anybody's gradient penalty: what a function does to critics whose answers are known."""
