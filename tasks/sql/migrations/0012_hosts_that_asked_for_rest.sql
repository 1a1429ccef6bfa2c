-- A host that asked for a rest is left alone until then, whichever page or image it told.

create table resting_hosts (
    host varchar not null primary key,
    until timestamptz not null,
    reason varchar not null,
    outcome varchar not null,
    status_code integer
);
comment on table resting_hosts is 'Hosts that asked for a rest (Retry-After), and until when nobody asks them.';
comment on column resting_hosts.host is 'Host, without www.';
comment on column resting_hosts.until is 'When it may be asked again';
comment on column resting_hosts.reason is 'What it answered, in words';
comment on column resting_hosts.outcome is 'Outcome of that try, as in captures';
comment on column resting_hosts.status_code is 'HTTP status that it answered with';
