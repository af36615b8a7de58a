"""Whether the mocks ring fails for every small thing that could go wrong in the component and the program.

`make mutants` makes each of them in turn, and says which ones no test of `tests/unit` notices.
"""
