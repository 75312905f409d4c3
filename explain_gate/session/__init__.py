"""One gate run: pytest's side, the sequence measure, judge, publish, and the folder it ends in."""
