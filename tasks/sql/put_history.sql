-- Versions are kept up to a commit: from here on only later ones are due.
update sources
set
    observed_revision = $revision,
    backfilled_revision = if($all, $revision, backfilled_revision)
where source_id = $source_id
