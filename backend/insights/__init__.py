"""Questions about one person's money: their names, parameters, pipelines and the shapes of their answers."""
