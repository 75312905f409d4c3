"""`python -m explain_gate`: the command line, where no script of its name is on the path."""

from explain_gate.cli import main

if __name__ == "__main__":
    main(prog_name="explain-gate")
