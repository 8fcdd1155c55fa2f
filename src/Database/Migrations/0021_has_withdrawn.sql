-- Whether a recipient has withdrawn. Registration asks for each message. As a subquery it would make the planner count ten
-- messages where a batch has one, so that PostgreSQL would plan the prepared statement again for each batch, which takes
-- longer than to execute it. So its cost is stated here.
CREATE FUNCTION rewrite.has_withdrawn(cluster integer, hash bytea) RETURNS boolean
LANGUAGE plpgsql STABLE COST 1
AS $$
BEGIN
    RETURN EXISTS (SELECT FROM rewrite.withdrawals w WHERE w.cluster_id = cluster AND w.recipient_hash = hash);
END
$$;
