-- As for pages; what was never asked for stays due.
update images
set next_check_at = $moment + to_seconds(
    $usual_days * 86400 * (hash(image_id) % 1000 + 1) / 1000
)
where status <> 'due'
    and (next_check_at <= $moment or next_check_at > $latest)
