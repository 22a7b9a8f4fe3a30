"""A data-versioned Code Evol-Instruct pipeline (WizardCoder, arXiv 2306.08568): the library, one package per subject.

Each package's docstring says what it does and exports its public names: `from wizardcoder.scoring import score`.
"""
