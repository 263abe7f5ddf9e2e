"""From the files of a run to what one section of its report shows; each has the partial of its name."""
