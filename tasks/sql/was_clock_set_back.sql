-- Whether a run ever began before the one before it: then what is older than something
-- else by its moment may not be.
select
    exists (
        from (
            select started_at < lag(started_at) over (order by run_number) as is_earlier
            from runs
        )
        where is_earlier
    )
