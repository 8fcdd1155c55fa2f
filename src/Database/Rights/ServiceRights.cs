namespace Tracking.Database.Rights;

/// <summary>The rights of a service in the database. The service's group role has them, and the service's login is a
/// member of that role.</summary>
/// <param name="Service">The service's name, as in <c>deploy/</c>.</param>
/// <param name="Grants">The texts between <c>GRANT</c> and <c>TO</c>.</param>
internal sealed record ServiceRights(string Service, IReadOnlyList<string> Grants)
{
    // For the health check of every service, which reads the version of the schema.
    private static readonly string[] _schema = ["SELECT (number) ON public.tracking_migrations"];

    // For ClusterDirectory: clusters with their settings and default domains, but neither names nor addresses of
    // people.
    private static readonly string[] _directory =
    [
        "USAGE ON SCHEMA management, domains",
        "SELECT (hostname, cluster_id, status, certificate_until, https, is_retired, track_clicks, track_opens, "
            + "excluded_domains, tracking_level, utm, has_imported_links, is_default) ON domains.tracking_domains",
        "SELECT (id, settings, deleted_at) ON management.clusters",
        "SELECT (domain, cluster_id) ON management.sending_domains",
    ];

    // For TrackingHosts: the columns that the directory does not read.
    private static readonly string[] _hosts = ["SELECT (deleted_at, changed_in) ON domains.tracking_domains"];

    // For SigningKeyRing. The keys are sealed under the master key.
    private static readonly string[] _keys =
    [
        "USAGE ON SCHEMA links",
        "SELECT (version, sealed, signs_from) ON links.signing_keys",
    ];

    // For TLS and challenges: certificates with their sealed keys, and the thumbprints that answer challenges.
    private static readonly string[] _served =
    [
        "USAGE ON SCHEMA certificates",
        "SELECT (directory, thumbprint, rank) ON certificates.accounts",
        "SELECT (hostname, certificate_id, first_renewed_at, challenge_token, challenge_type, challenge_thumbprint, "
            + "order_directory) ON certificates.names",
        "SELECT (hostname, directory, challenge_token, challenge_type, challenge_thumbprint) ON certificates.requests",
        "SELECT (id, chain, sealed_key) ON certificates.issued",
    ];

    /// <summary>
    /// Every service that logs in, with exactly the rights that its statements need: columns if it uses some of them,
    /// the table if an API shows all. <c>RETURNING</c>, <c>excluded</c> and the columns of <c>ON CONFLICT</c> need the
    /// right to read. Partitions need no rights, because statements name their table.
    /// </summary>
    public static IReadOnlyList<ServiceRights> All { get; } =
    [
        // Registers messages. It may not read their senders or the URLs of destinations.
        new("rewrite",
        [
            .. _schema, .. _directory, .. _hosts, .. _keys,
            "USAGE ON SCHEMA rewrite",
            "USAGE ON SCHEMA certificates",
            "SELECT (hostname, cluster_id, not_after, revoked_at) ON certificates.issued",
            "SELECT (id, cluster_id, secret_hash, revoked_at) ON management.api_keys",
            "INSERT (cluster_id, link_id, url_hash, salt, url) ON links.destinations",
            "SELECT (cluster_id, link_id, url_hash) ON links.destinations",
            "INSERT (cluster_id, message_key, id_hash, salt, content_hash, message_id, sender, recipient, "
                + "recipient_domain, tags, tracking_level, host, sent_at, link_count, opens_tracked, link_map, trace, "
                + "is_test, system_links, left_plain) ON rewrite.messages",
            "UPDATE (link_map, link_count, opens_tracked, host, tracking_level, recipient, system_links, left_plain) "
                + "ON rewrite.messages",
            "SELECT (cluster_id, message_key, id_hash, content_hash, link_map, link_count, opens_tracked, host, "
                + "tracking_level, recipient, system_links, left_plain) ON rewrite.messages",
            // To find withdrawn recipients, by a keyed hash.
            "SELECT (cluster_id, recipient_hash) ON rewrite.withdrawals",
            "EXECUTE ON FUNCTION rewrite.has_withdrawn(integer, bytea)",
            "INSERT, SELECT (cluster_id, hash, kept_until), UPDATE (kept_until), DELETE ON rewrite.bodies",
            "INSERT, SELECT, UPDATE (hash, kept_until), DELETE ON rewrite.message_bodies",
        ]),
        // Only reads, because it is reachable from the internet. A gateway with the edge in its process logs in as the
        // edge.
        new("edge",
        [
            .. _schema, .. _directory, .. _hosts, .. _keys, .. _served,
            "SELECT (cluster_id, link_id, url) ON links.destinations",
            "SELECT (pattern) ON links.blocked_destinations",
            "SELECT (cluster_id, link_id, new_link_id, message_key, tag, created_at, undone_at) ON links.repairs",
            // Links of mail that another system sent.
            "SELECT ON links.imported_links",
            // The tags select the repairs of a message. The levels limit what is stored of clicks on imported links.
            "USAGE ON SCHEMA rewrite",
            "SELECT (cluster_id, message_key, tags, tracking_level) ON rewrite.messages",
            "SELECT ON rewrite.withdrawn_messages",
            "SELECT (id) ON domains.tracking_domains",
            "SELECT (domain_id, kind, content) ON domains.app_files",
        ]),
        new("ingest",
        [
            .. _schema, .. _directory,
            "USAGE ON SCHEMA rewrite, ingest",
            "INSERT ON ingest.events",
            "SELECT (occurred_at) ON ingest.events_default",
            "EXECUTE ON FUNCTION ingest.create_month(timestamptz)",
            "SELECT, INSERT, DELETE ON ingest.batches",
            "SELECT, INSERT, UPDATE (acknowledged_below, pruned_at) ON ingest.edges",
            "INSERT ON ingest.rejected_events",
            // The rules and lists for verdicts, and later revisions of verdicts.
            "INSERT ON ingest.rule_sets",
            "SELECT, UPDATE (state, compared_at, difference) ON ingest.lists",
            "SELECT, INSERT, UPDATE (due_at), DELETE ON ingest.reviews",
            "INSERT ON ingest.revisions",
            // To see whether a recipient withdrew after the tracking levels were read.
            "SELECT (number) ON rewrite.withdrawals",
            "INSERT (cluster_id, id, event_ids), SELECT (cluster_id, stored_at), DELETE ON ingest.stored_events",
            // The version before writes this table. It may still run on this schema.
            "SELECT, INSERT, UPDATE (count) ON ingest.link_hours",
            "SELECT, INSERT, UPDATE, DELETE ON ingest.counts",
            "SELECT, INSERT, DELETE ON ingest.count_changes",
            "SELECT ON ingest.changed_counts",
            "SELECT, INSERT, UPDATE, DELETE ON ingest.message_counts",
            "SELECT, INSERT, UPDATE, DELETE ON ingest.message_days",
            "SELECT, INSERT, UPDATE ON ingest.statistics",
            // Webhooks contain the data of the API's events and of notices about names and certificates.
            "USAGE ON SCHEMA webhooks, links, certificates",
            "SELECT (id, occurred_at, kind, cluster_id, message_key, link_id, ordinal, client_address, user_agent, shape, "
                + "verdict, vendor, reasons, score, uncounted), "
                + "UPDATE (verdict, reasons, score, rules, revised_at, uncounted) ON ingest.events",
            "SELECT (cluster_id, message_key, tracking_level, trace, message_id, recipient, recipient_domain, tags, host, "
                + "link_map, sent_at, registered_at, is_test, system_links) ON rewrite.messages",
            "SELECT (cluster_id, link_id, url) ON links.destinations",
            "SELECT (id, cluster_id, hostname, kind, at, facts, webhooks_at), UPDATE (webhooks_at) ON domains.notices",
            "SELECT (id, cluster_id, hostname, stored_at, not_before, not_after, is_renewal, webhooks_at), "
                + "UPDATE (webhooks_at) ON certificates.issued",
            "SELECT, DELETE, UPDATE (leased_by, leased_until, failures, failing_since, last_error, last_success_at, "
                + "is_slow, rests_until, disabled_at, disabled_reason, changed_in) ON webhooks.endpoints",
            "SELECT, INSERT, DELETE, UPDATE (status, tries, attempts, next_attempt_at, finished_at) "
                + "ON webhooks.deliveries",
            "SELECT (cluster_id, endpoint_id, delivery_id), INSERT, DELETE ON webhooks.attempts",
            "INSERT (id, at, cluster_id, actor, action, subject, after) ON management.audit_log",
        ]),
        // Reads everything of a cluster. It changes the settings of admins, but no message, link or event, except that
        // it imports links and messages of other systems.
        new("management",
        [
            .. _schema, .. _directory, .. _keys,
            "USAGE ON SCHEMA rewrite, ingest",
            "SELECT, INSERT, UPDATE (name, notify_emails, settings, deleted_at) ON management.clusters",
            "SELECT, INSERT, DELETE ON management.sending_domains",
            "SELECT, INSERT, UPDATE (revoked_at) ON management.api_keys",
            "SELECT (created_at), INSERT (version, sealed, signs_from), UPDATE (sealed) ON links.signing_keys",
            "SELECT ON ingest.rule_sets",
            "SELECT, INSERT (name, version, content), UPDATE (state) ON ingest.lists",
            "SELECT ON ingest.revisions",
            // Writes the new destination of a repaired link.
            "SELECT, INSERT (cluster_id, link_id, url_hash, salt, url) ON links.destinations",
            "SELECT, INSERT, UPDATE (reason), DELETE ON links.blocked_destinations",
            "SELECT, INSERT, UPDATE (undone_at) ON links.repairs",
            "SELECT, INSERT, UPDATE (content, changed_at), DELETE ON domains.app_files",
            "SELECT, INSERT ON links.imported_links",
            "INSERT (cluster_id, message_key, id_hash, salt, content_hash, message_id, sender, recipient, "
                + "recipient_domain, tags, tracking_level, host, sent_at, registered_at, link_count, opens_tracked, "
                + "link_map), UPDATE (link_count, opens_tracked) ON rewrite.messages",
            // Removes personal data when a recipient withdraws.
            "SELECT, UPDATE (tracking_level, recipient, sender, message_id) ON rewrite.messages",
            "SELECT, DELETE ON rewrite.bodies",
            "SELECT, DELETE ON rewrite.message_bodies",
            "SELECT, INSERT (cluster_id, id, recipient_hash, withdrawn_at), UPDATE (receipt) ON rewrite.withdrawals",
            "SELECT, INSERT ON rewrite.withdrawn_messages",
            "SELECT, UPDATE (client_address, user_agent) ON ingest.events",
            "SELECT (cluster_id, raw), UPDATE (raw) ON ingest.rejected_events",
            // Numbers stored events when a reader asks for this order.
            "SELECT, UPDATE (position) ON ingest.stored_events",
            "SELECT ON ingest.counted",
            "SELECT ON ingest.message_counts",
            "SELECT ON ingest.message_days",
            // Requests a rebuild of the counters. Ingest rebuilds them.
            "SELECT, INSERT (cluster_id, requested_at, requested_from), UPDATE (requested_at, requested_from) "
                + "ON ingest.statistics",
            // Other services set whether a name is verified and has a certificate.
            "SELECT, INSERT, UPDATE (is_default, wants_default, is_retired, track_clicks, track_opens, https, "
                + "excluded_domains, tracking_level, utm, has_imported_links, deleted_at, next_check_at, "
                + "check_requested_at) ON domains.tracking_domains",
            "SELECT ON domains.checks",
            "SELECT, INSERT, DELETE ON management.audit_log",
            "USAGE ON SCHEMA certificates",
            "SELECT (hostname, cluster_id, certificate_id, failures, last_failure, paused_url, due_at, renew_at, "
                + "leased_until, queued_for), UPDATE (due_at, failures) ON certificates.names",
            "SELECT (id, cluster_id, not_before, not_after, chain) ON certificates.issued",
            "SELECT (directory, url, thumbprint, rank, refused, created_at, key_changed_at) ON certificates.accounts",
            "SELECT (id, kind, hostname, cluster_id, directory, asked_at, done_at, succeeded, steps), "
                + "INSERT (id, kind, hostname, cluster_id, directory, certificate_id, reason, is_replaced_first, "
                + "asked_at, due_at) ON certificates.requests",
            "EXECUTE ON FUNCTION certificates.sealed_keys()",
            "SELECT ON certificates.attempts",
            "SELECT (id, xml), INSERT (name, xml), UPDATE (xml) ON management.data_protection_keys",
            // Endpoints and repeated deliveries. Ingest delivers, and writes the attempts.
            "USAGE ON SCHEMA webhooks",
            "SELECT, INSERT, UPDATE (url, description, event_types, people_only, sealed_secret, previous_sealed_secret, "
                + "previous_until, disabled_at, disabled_reason, deleted_at, changed_in, failures, failing_since, "
                + "last_error, is_slow, rests_until) ON webhooks.endpoints",
            "SELECT, INSERT, UPDATE (status, tries, next_attempt_at, finished_at) ON webhooks.deliveries",
            "SELECT ON webhooks.attempts",
        ]),
        new("verifier",
        [
            .. _schema, .. _directory,
            "SELECT (id, notify_emails, name, deleted_at) ON management.clusters",
            "SELECT, UPDATE ON domains.tracking_domains",
            "SELECT, INSERT, DELETE ON domains.checks",
            "SELECT, INSERT, UPDATE, DELETE ON domains.notices",
        ]),
        new("certificates",
        [
            .. _schema, .. _directory,
            "USAGE ON SCHEMA certificates",
            "SELECT (id, deleted_at, changed_in, status_since), UPDATE (certificate_until) ON domains.tracking_domains",
            "INSERT ON domains.notices",
            "SELECT, INSERT, UPDATE ON certificates.accounts",
            "SELECT, INSERT, UPDATE ON certificates.names",
            "SELECT, INSERT, UPDATE (revoked_at, sealed_key), DELETE ON certificates.issued",
            "SELECT, UPDATE, DELETE ON certificates.requests",
            "SELECT, INSERT, DELETE ON certificates.attempts",
            "SELECT, INSERT, UPDATE, DELETE ON certificates.budgets",
        ]),
    ];
}
