using System.Text.Json;
using System.Text.Json.Serialization;
using Npgsql;
using NpgsqlTypes;
using Tracking.Certificates.Acme;

namespace Tracking.Certificates.Issuance;

/// <summary>A step of an attempt, as a name's timeline shows it.</summary>
internal enum IssuanceStep : short
{
    Check,
    Order,
    Challenge,
    Finalize,
    Download,
    Stored,
    Revoked,
}

/// <summary>The shown part of a failure: the authority's words and the advice.</summary>
internal sealed record FailureFacts(
    string Type, string Detail, string? Advice, string? Authority, Uri? PausedUrl, IReadOnlyList<string> Subproblems)
{
    private static readonly JsonSerializerOptions _json = new(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    public static FailureFacts Of(AcmeProblem problem, string? authority) => new(
        JsonNamingPolicy.KebabCaseLower.ConvertName(problem.Type.ToString()),
        problem.Detail,
        AdviseOn.Problem(problem),
        authority,
        problem.PausedUrl,
        [.. problem.Subproblems.Select(each => $"{each.Name}: {each.Detail}")]);

    public string ToJson() => JsonSerializer.Serialize(this, _json);
}

/// <summary>Stores the progress of an order, step by step. Every statement requires the lease. A process that has lost
/// its lease changes nothing and learns so from the result.</summary>
internal sealed class StoreOrder(NpgsqlDataSource dataSource, TimeProvider time)
{
    private const string Own = " WHERE hostname = $1 AND leased_by = $2";

    private const string Begin =
        "UPDATE certificates.names SET order_id = $3, order_directory = $4, order_url = NULL, order_sealed_key = NULL, "
        + "order_began_at = $5, order_replaces = $6, challenge_token = NULL, challenge_type = NULL, "
        + "challenge_thumbprint = NULL, queued_for = NULL" + Own;

    private const string KeepUrl = "UPDATE certificates.names SET order_url = $3" + Own;

    private const string KeepKey = "UPDATE certificates.names SET order_sealed_key = $3" + Own;

    private const string KeepChallenge =
        "UPDATE certificates.names SET challenge_token = $3, challenge_type = $4, challenge_thumbprint = $5" + Own;

    private const string DropOrder =
        "UPDATE certificates.names SET order_id = NULL, order_directory = NULL, order_url = NULL, "
        + "order_sealed_key = NULL, order_began_at = NULL, order_replaces = NULL, challenge_token = NULL, "
        + "challenge_type = NULL, challenge_thumbprint = NULL";

    private const string Fail =
        DropOrder + ", failures = failures + 1, last_failure = $3::jsonb, last_failed_at = $4, paused_url = $5, "
        + "due_at = $6, leased_by = NULL, leased_until = NULL" + Own;

    // The order is kept, because an authority that was not reached still has it.
    private const string Pause =
        "UPDATE certificates.names SET failures = failures + 1, last_failure = $3::jsonb, last_failed_at = $4, "
        + "due_at = $5, leased_by = NULL, leased_until = NULL" + Own;

    private const string Wait =
        "UPDATE certificates.names SET last_failure = $3::jsonb, last_failed_at = $4, due_at = $5, queued_for = $6, "
        + "leased_by = NULL, leased_until = NULL" + Own;

    private const string AddAttempt =
        """
        INSERT INTO certificates.attempts (id, hostname, cluster_id, at, directory, step, succeeded, problem, next_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8::jsonb, $9)
        """;

    /// <summary>Stores a new order, before the order is sent to the authority.</summary>
    public Task<bool> BeginAsync(LeasedName name, OrderUnderWay order, CancellationToken cancellationToken) =>
        ChangeAsync(
            name, Begin, cancellationToken,
            new() { Value = order.Id },
            new() { Value = order.Directory },
            new() { Value = order.BeganAt.UtcDateTime },
            new NpgsqlParameter<Guid?> { TypedValue = order.Replaces });

    /// <summary>Stores the URL that the authority gave to the order.</summary>
    public Task<bool> KeepUrlAsync(LeasedName name, Uri url, CancellationToken cancellationToken) =>
        ChangeAsync(name, KeepUrl, cancellationToken, new NpgsqlParameter { Value = url.AbsoluteUri });

    /// <summary>Stores the key of the certificate request, before the request is sent.</summary>
    public Task<bool> KeepKeyAsync(LeasedName name, byte[] sealedKey, CancellationToken cancellationToken) =>
        ChangeAsync(name, KeepKey, cancellationToken, new NpgsqlParameter { Value = sealedKey });

    /// <summary>Stores the challenge and the account's thumbprint for the gateways' answers, before the authority
    /// validates.</summary>
    public Task<bool> KeepChallengeAsync(
        LeasedName name, AcmeChallenge challenge, string thumbprint, CancellationToken cancellationToken) =>
        ChangeAsync(
            name, KeepChallenge, cancellationToken,
            new() { Value = challenge.Token },
            new() { Value = (short)challenge.Type },
            new() { Value = thumbprint });

    /// <summary>Ends the order without a certificate.</summary>
    public Task<bool> FailAsync(
        LeasedName name, AcmeProblem problem, string? authority, DateTimeOffset dueAt,
        CancellationToken cancellationToken) =>
        ChangeAsync(
            name, Fail, cancellationToken,
            new() { Value = FailureFacts.Of(problem, authority).ToJson() },
            new() { Value = time.GetUtcNow().UtcDateTime },
            new NpgsqlParameter<string?> { TypedValue = problem.PausedUrl?.AbsoluteUri },
            new() { Value = dueAt.UtcDateTime });

    /// <summary>Postpones the order after a failure.</summary>
    public Task<bool> PauseAsync(
        LeasedName name, AcmeProblem problem, string? authority, DateTimeOffset dueAt,
        CancellationToken cancellationToken) =>
        ChangeAsync(
            name, Pause, cancellationToken,
            new() { Value = FailureFacts.Of(problem, authority).ToJson() },
            new() { Value = time.GetUtcNow().UtcDateTime },
            new() { Value = dueAt.UtcDateTime });

    /// <summary>Postpones the name because a limit has no room or the authority has not finished. This counts as no
    /// failure, and an order in progress is kept.</summary>
    public Task<bool> WaitAsync(
        LeasedName name, AcmeProblem reason, string? authority, DateTimeOffset dueAt,
        CancellationToken cancellationToken, string? queuedFor = null) =>
        ChangeAsync(
            name, Wait, cancellationToken,
            new() { Value = FailureFacts.Of(reason, authority).ToJson() },
            new() { Value = time.GetUtcNow().UtcDateTime },
            new() { Value = dueAt.UtcDateTime },
            new NpgsqlParameter<string?> { TypedValue = queuedFor });

    /// <summary>Adds a line to the name's timeline.</summary>
    public async Task AddAttemptAsync(
        LeasedName name,
        string? authority,
        IssuanceStep step,
        AcmeProblem? problem,
        DateTimeOffset? next,
        CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        await using var command = dataSource.CreateCommand(AddAttempt);
        command.Parameters.Add(new() { Value = Guid.CreateVersion7(now) });
        command.Parameters.Add(new() { Value = name.Host.Value });
        command.Parameters.Add(new NpgsqlParameter<int?> { TypedValue = name.Cluster?.Value });
        command.Parameters.Add(new() { Value = now.UtcDateTime });
        command.Parameters.Add(new NpgsqlParameter<string?> { TypedValue = authority });
        command.Parameters.Add(new() { Value = (short)step });
        command.Parameters.Add(new() { Value = problem is null });
        command.Parameters.Add(new NpgsqlParameter<string?>
        {
            TypedValue = problem is null ? null : FailureFacts.Of(problem, authority).ToJson(),
            NpgsqlDbType = NpgsqlDbType.Text,
        });
        command.Parameters.Add(new NpgsqlParameter<DateTime?> { TypedValue = next?.UtcDateTime });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private async Task<bool> ChangeAsync(
        LeasedName name, string sql, CancellationToken cancellationToken, params NpgsqlParameter[] values)
    {
        await using var command = dataSource.CreateCommand(sql);
        command.Parameters.Add(new() { Value = name.Host.Value });
        command.Parameters.Add(new() { Value = name.Lease });
        command.Parameters.AddRange(values);
        return await command.ExecuteNonQueryAsync(cancellationToken) == 1;
    }
}
