"""The report's sentences in other languages than English, a table each."""

LANGUAGES = ("zh",)
