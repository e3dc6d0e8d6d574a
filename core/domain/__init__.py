"""Values and rules that know no port: requests, results, jobs, options, seeds, geometry, infotext."""
