"""The labs of the notebooks: records, the commit race, the crash graph, a campaign's dashboard."""
