using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Options;
using Npgsql;
using Tracking.Certificates.Acme;
using Tracking.Links;

namespace Tracking.Certificates.Requests;

/// <summary>Leases requests to one process each, and stores the result of every step. Every statement requires the
/// lease. When the lease of a dead process ends, the request is due again.</summary>
internal sealed class StoreRequests(
    NpgsqlDataSource dataSource, IOptions<CertificateOptions> options, TimeProvider time)
{
    private static readonly JsonSerializerOptions _json = new(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    // The list of steps begins anew with each lease, unless the request waits for something.
    private const string Claim =
        """
        UPDATE certificates.requests SET leased_by = $2, leased_until = $3
        WHERE id = (
            SELECT id FROM certificates.requests
            WHERE done_at IS NULL AND due_at <= $1 AND (leased_until IS NULL OR leased_until <= $1)
            ORDER BY due_at
            LIMIT 1
            FOR NO KEY UPDATE SKIP LOCKED)
        RETURNING id, kind, hostname, cluster_id, directory, certificate_id, reason, is_replaced_first, asked_at
        """;

    private const string Own = " WHERE id = $1 AND leased_by = $2";

    private const string Add = "UPDATE certificates.requests SET steps = steps || $3::jsonb" + Own;

    private const string KeepChallenge =
        """
        UPDATE certificates.requests SET directory = $3, challenge_token = $4, challenge_type = $5,
            challenge_thumbprint = $6
        """ + Own;

    private const string Finish =
        """
        UPDATE certificates.requests SET done_at = $3, succeeded = $4, challenge_token = NULL, leased_by = NULL,
            leased_until = NULL
        """ + Own;

    private const string Postpone =
        "UPDATE certificates.requests SET due_at = $3, challenge_token = NULL, leased_by = NULL, leased_until = NULL"
        + Own;

    private const string Release =
        "UPDATE certificates.requests SET challenge_token = NULL, leased_by = NULL, leased_until = NULL" + Own;

    /// <summary>Leases the request that has waited longest.</summary>
    /// <exception cref="NpgsqlException">The database is away.</exception>
    public async Task<CertificateRequest?> ClaimAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var lease = Guid.CreateVersion7(now);
        await using var command = dataSource.CreateCommand(Claim);
        command.Parameters.Add(new() { Value = now.UtcDateTime });
        command.Parameters.Add(new() { Value = lease });
        command.Parameters.Add(new() { Value = (now + options.Value.Lease).UtcDateTime });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        return !await reader.ReadAsync(cancellationToken)
            ? null
            : new CertificateRequest
            {
                Id = reader.GetGuid(0),
                Kind = (RequestKind)reader.GetInt16(1),
                Host = !reader.IsDBNull(2) && HostName.TryParse(reader.GetString(2), out var host) ? host : default,
                Cluster = reader.IsDBNull(3) ? null : new ClusterId(reader.GetInt32(3)),
                Directory = reader.IsDBNull(4) ? null : reader.GetString(4),
                Certificate = reader.IsDBNull(5) ? null : reader.GetGuid(5),
                Reason = reader.IsDBNull(6) ? RevocationReason.Unspecified : (RevocationReason)reader.GetInt16(6),
                IsReplacedFirst = reader.GetBoolean(7),
                AskedAt = reader.GetFieldValue<DateTimeOffset>(8),
                Lease = lease,
            };
    }

    /// <summary>Adds a step.</summary>
    public Task AddAsync(CertificateRequest request, RequestStep step, CancellationToken cancellationToken) =>
        ChangeAsync(
            request, Add, cancellationToken, new NpgsqlParameter { Value = JsonSerializer.Serialize(step, _json) });

    /// <summary>Adds a step that succeeded.</summary>
    public Task AddAsync(
        CertificateRequest request, string step, string? authority, string text, CancellationToken cancellationToken) =>
        AddAsync(request, new RequestStep(time.GetUtcNow(), step, true, authority, text), cancellationToken);

    /// <summary>Adds a step that failed.</summary>
    public Task AddAsync(
        CertificateRequest request, string step, string? authority, AcmeProblem problem,
        CancellationToken cancellationToken) =>
        AddAsync(request, RequestStep.Of(time.GetUtcNow(), step, authority, problem), cancellationToken);

    /// <summary>Stores the challenge for the gateways, before the authority validates.</summary>
    /// <returns>Whether this process still carries the request out.</returns>
    public Task<bool> KeepChallengeAsync(
        CertificateRequest request, string directory, AcmeChallenge challenge, string thumbprint,
        CancellationToken cancellationToken) =>
        ChangeAsync(
            request, KeepChallenge, cancellationToken,
            new() { Value = directory },
            new() { Value = challenge.Token },
            new() { Value = (short)challenge.Type },
            new() { Value = thumbprint });

    /// <summary>Ends the request, or postpones it.</summary>
    public Task EndAsync(
        CertificateRequest request, RequestOutcome outcome, CancellationToken cancellationToken) =>
        outcome.Succeeded is { } succeeded
            ? ChangeAsync(
                request, Finish, cancellationToken,
                new() { Value = time.GetUtcNow().UtcDateTime },
                new() { Value = succeeded })
            : ChangeAsync(
                request, Postpone, cancellationToken,
                new NpgsqlParameter { Value = (time.GetUtcNow() + outcome.Later).UtcDateTime });

    /// <summary>Gives the lease back, so that another process can begin at once.</summary>
    public Task ReleaseAsync(CertificateRequest request, CancellationToken cancellationToken) =>
        ChangeAsync(request, Release, cancellationToken);

    private async Task<bool> ChangeAsync(
        CertificateRequest request, string sql, CancellationToken cancellationToken, params NpgsqlParameter[] values)
    {
        await using var command = dataSource.CreateCommand(sql);
        command.Parameters.Add(new() { Value = request.Id });
        command.Parameters.Add(new() { Value = request.Lease });
        command.Parameters.AddRange(values);
        return await command.ExecuteNonQueryAsync(cancellationToken) == 1;
    }
}
