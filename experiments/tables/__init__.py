"""Tables 3 to 5 and Figures 3 to 6 of the paper, ours beside theirs."""
