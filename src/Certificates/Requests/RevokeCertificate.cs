using Npgsql;
using Tracking.Certificates.Accounts;
using Tracking.Certificates.Acme;
using Tracking.Certificates.Issuance;
using Tracking.Tls.Certificates;

namespace Tracking.Certificates.Requests;

/// <summary>
/// Has a certificate revoked. A certificate in use is replaced first, if the request says so: a new key, a new
/// certificate, then the revocation. If no new certificate comes within an hour, or the request does not wait for one,
/// the certificate is taken out of use.
/// </summary>
internal sealed class RevokeCertificate(
    NpgsqlDataSource dataSource,
    OpenAccounts accounts,
    StoreRequests store,
    TellGateways tell,
    TimeProvider time)
{
    // Authorities revoke by themselves within 24 h of a key's compromise (Baseline Requirements, 4.9.1.1).
    private static readonly TimeSpan _longestReplacement = TimeSpan.FromHours(1);
    private static readonly TimeSpan _look = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan _again = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan _patience = TimeSpan.FromDays(1);

    private const string Select =
        """
        SELECT i.directory, i.chain, i.revoked_at IS NOT NULL, i.not_after,
            n.certificate_id IS NOT DISTINCT FROM i.id, n.renew_at > $2
        FROM certificates.issued i LEFT JOIN certificates.names n ON n.hostname = i.hostname
        WHERE i.id = $1
        """;

    // The replacement is ordered once. Failed orders wait for their next attempt as usual.
    private const string OrderAnother =
        """
        UPDATE certificates.names SET renew_at = $3, due_at = $3, failures = 0
        WHERE hostname = $1 AND certificate_id = $2 AND renew_at > $3
        """;

    // The name is due at once. A name that wants no certificate any more is released then.
    private const string StopServing =
        """
        UPDATE certificates.names SET certificate_id = NULL, due_at = $3, renew_at = NULL
        WHERE hostname = $1 AND certificate_id = $2
        """;

    private const string TellDomain =
        """
        UPDATE domains.tracking_domains SET certificate_until = NULL
        WHERE hostname = $1 AND cluster_id = $2 AND deleted_at IS NULL
            AND NOT EXISTS (SELECT FROM certificates.names n WHERE n.hostname = $1 AND n.certificate_id IS NOT NULL)
        """;

    private const string KeepRevoked =
        "UPDATE certificates.issued SET revoked_at = coalesce(revoked_at, $2) WHERE id = $1";

    private const string AddAttempt =
        """
        INSERT INTO certificates.attempts (id, hostname, cluster_id, at, directory, step, succeeded)
        VALUES ($1, $2, $3, $4, $5, $6, true)
        """;

    /// <summary>Runs the request.</summary>
    public async Task<RequestOutcome> RunAsync(CertificateRequest request, CancellationToken cancellationToken)
    {
        if (request.Certificate is not { } id || await ReadAsync(id, cancellationToken) is not { } found)
        {
            return RequestOutcome.Done(false);
        }

        var waits = time.GetUtcNow() - request.AskedAt;
        if (request.IsReplacedFirst && found.IsInUse && !found.IsRevoked && waits < _longestReplacement
            && found.NotAfter > time.GetUtcNow())
        {
            if (found.IsNotDue)
            {
                await ExecuteAsync(
                    OrderAnother, cancellationToken, request.Host.Value, id, time.GetUtcNow().UtcDateTime);
                await store.AddAsync(
                    request, "replacement", null, "Another certificate is ordered first, with another key.",
                    cancellationToken);
            }

            return RequestOutcome.After(_look);
        }

        // The certificate is taken out of use before the revocation, because somebody else may have its key.
        if (found.IsInUse)
        {
            await StopAsync(request, id, cancellationToken);
            await store.AddAsync(request, "serving", null, "It is served no longer.", cancellationToken);
        }

        if (accounts.Find(found.Directory) is not { } authority)
        {
            await store.AddAsync(
                request, "revocation", found.Directory, RegisterAccounts.NotConfigured(), cancellationToken);
            return RequestOutcome.Done(false);
        }

        var problem = await AskAsync(authority, found.Leaf, request.Reason, cancellationToken);
        if (problem is not null and not { Type: AcmeProblemType.AlreadyRevoked })
        {
            await store.AddAsync(request, "revocation", found.Directory, problem, cancellationToken);
            return EndAttempt.IsTransient(problem) && waits < _patience
                ? RequestOutcome.After(_again) : RequestOutcome.Done(false);
        }

        await KeepAsync(request, id, found.Directory, cancellationToken);
        await store.AddAsync(
            request, "revocation", found.Directory, "The authority has revoked it.", cancellationToken);
        return RequestOutcome.Done(true);
    }

    private async Task<AcmeProblem?> AskAsync(
        AuthoritySettings authority, byte[] leaf, RevocationReason reason, CancellationToken cancellationToken) =>
        (await accounts.OpenAsync(authority, cancellationToken)).Succeeded(out var open, out var closed)
            ? (await open.Client.RevokeAsync(open.Account, leaf, reason, cancellationToken)).Problem
            : closed;

    private async Task<Found?> ReadAsync(Guid id, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(Select);
        command.Parameters.Add(new() { Value = id });
        command.Parameters.Add(new() { Value = time.GetUtcNow().UtcDateTime });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        return await reader.ReadAsync(cancellationToken)
            ? new Found(
                reader.GetString(0),
                CertificateFound.ReadChain(reader.GetString(1))[0],
                reader.GetBoolean(2),
                reader.GetFieldValue<DateTimeOffset>(3),
                reader.GetBoolean(4),
                !reader.IsDBNull(5) && reader.GetBoolean(5))
            : null;
    }

    private async Task StopAsync(CertificateRequest request, Guid id, CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await ExecuteAsync(
            connection, StopServing, cancellationToken, request.Host.Value, id, time.GetUtcNow().UtcDateTime);

        // From now on the certificate counts as revoked and is never used again, whatever the authority answers. A
        // repeated request for a revoked certificate is answered as done.
        await ExecuteAsync(connection, KeepRevoked, cancellationToken, id, time.GetUtcNow().UtcDateTime);
        if (request.Cluster is { } cluster)
        {
            await ExecuteAsync(connection, TellDomain, cancellationToken, request.Host.Value, cluster.Value);
        }

        await transaction.CommitAsync(cancellationToken);
        tell.OfRevocation(request.Cluster, request.Host);
    }

    private async Task KeepAsync(
        CertificateRequest request, Guid id, string directory, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        await ExecuteAsync(KeepRevoked, cancellationToken, id, now.UtcDateTime);
        await using var attempt = dataSource.CreateCommand(AddAttempt);
        attempt.Parameters.Add(new() { Value = Guid.CreateVersion7(now) });
        attempt.Parameters.Add(new() { Value = request.Host.Value });
        attempt.Parameters.Add(new NpgsqlParameter<int?> { TypedValue = request.Cluster?.Value });
        attempt.Parameters.Add(new() { Value = now.UtcDateTime });
        attempt.Parameters.Add(new() { Value = directory });
        attempt.Parameters.Add(new() { Value = (short)IssuanceStep.Revoked });
        await attempt.ExecuteNonQueryAsync(cancellationToken);
    }

    private async Task ExecuteAsync(string sql, CancellationToken cancellationToken, params object[] values)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        await ExecuteAsync(connection, sql, cancellationToken, values);
    }

    private static async Task ExecuteAsync(
        NpgsqlConnection connection, string sql, CancellationToken cancellationToken, params object[] values)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        foreach (var value in values)
        {
            command.Parameters.Add(new() { Value = value });
        }

        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private sealed record Found(
        string Directory, byte[] Leaf, bool IsRevoked, DateTimeOffset NotAfter, bool IsInUse, bool IsNotDue);
}
