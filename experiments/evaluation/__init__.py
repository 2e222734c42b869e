"""Scores of a method over a split of TFRecords.

predictors  who predicts
scoring     how a picture, and a split, is scored
store       what is stored, so that a stopped evaluation goes on
show        the scores as a table
worst       pictures of the lowest scores
"""
