"""Looking at runs: pictures, films, figures, reports, comparisons."""
