-- A rule that does not hold may keep the state from being published, or be told only.

alter table audits add column severity varchar default 'error';
comment on column audits.severity is '''error'' (nothing is published while rows break the rule) or ''warning''';
comment on column audits.detail is 'Up to three such rows, or empty';
