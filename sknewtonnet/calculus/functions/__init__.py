"""Functions of the parameters, with derivatives."""
