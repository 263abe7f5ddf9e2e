"""From a request to a finished run: prepare, plan, fit, evaluate, report."""
