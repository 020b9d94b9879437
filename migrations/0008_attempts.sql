-- The requests that were carried out, so that one that comes twice, because NGINX passed it on to another
-- instance, is not carried out twice. Each row is written in the transaction of the request's write.
CREATE TABLE attempts (
    -- NGINX's id of the request, the same on every try.
    id uuid PRIMARY KEY,
    -- The id of what the request created; null where it created nothing.
    resource_id bigint,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- Rows are written in the order of their times and purged by it, ten minutes later: what a B-tree would
-- cost each write, this costs one in 128 pages.
CREATE INDEX attempts_created_at ON attempts USING brin (created_at);
