"""The checklist of reporting guidelines, as far as a run answers it."""
