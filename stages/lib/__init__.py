"""Parts that stages share, one topic a file. Only records, params and console are imported by siblings."""
