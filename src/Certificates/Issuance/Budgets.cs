using Npgsql;
using Tracking.Links;

namespace Tracking.Certificates.Issuance;

/// <summary>What is left of the limits of each authority: buckets of tokens in the database, shared by all
/// processes.</summary>
internal sealed class Budgets(NpgsqlDataSource dataSource, TimeProvider time)
{
    // One statement: refill, and take when there is one. No row comes back when there is none.
    private const string Take =
        """
        INSERT INTO certificates.budgets AS b (directory, bucket, tokens, at) VALUES ($1, $2, $3 - 1, $5)
        ON CONFLICT (directory, bucket) DO UPDATE
        SET tokens = least($3, b.tokens + greatest(0, extract(epoch FROM $5 - b.at)) / $4) - 1, at = $5
        WHERE least($3, b.tokens + greatest(0, extract(epoch FROM $5 - b.at)) / $4) >= 1
        RETURNING tokens
        """;

    private const string Look =
        """
        SELECT least($3, tokens + greatest(0, extract(epoch FROM $5 - at)) / $4) FROM certificates.budgets
        WHERE directory = $1 AND bucket = $2
        """;

    /// <summary>The buckets that a new certificate of a name draws from.</summary>
    /// <param name="authority">The authority.</param>
    /// <param name="host">The name.</param>
    public static IReadOnlyList<(string Bucket, BucketSettings Limit)> Of(AuthoritySettings authority, HostName host) =>
    [
        ("orders", authority.Orders),
        ("domain:" + Registered(host), authority.CertificatesPerDomain),
        ("names:" + host.Value, authority.CertificatesPerNames),
    ];

    /// <summary>The bucket of failed authorizations of a name.</summary>
    public static (string Bucket, BucketSettings Limit) Failures(AuthoritySettings authority, HostName host) =>
        ("failures:" + host.Value, authority.FailuresPerName);

    /// <summary>Takes one token of each bucket, or none of any.</summary>
    /// <returns>How long until the emptiest has one again; <see langword="null"/> when they were taken.</returns>
    public async Task<TimeSpan?> TakeAsync(
        string directory,
        IReadOnlyList<(string Bucket, BucketSettings Limit)> buckets,
        CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);

        // In the order of their names: two processes that take the same ones wait for each other and never in a ring.
        foreach (var (bucket, limit) in buckets.OrderBy(each => each.Bucket, StringComparer.Ordinal))
        {
            if (limit.Capacity < 1
                || await RunAsync(connection, Take, directory, bucket, limit, cancellationToken) is null)
            {
                var tokens = await RunAsync(connection, Look, directory, bucket, limit, cancellationToken) ?? 0;
                await transaction.RollbackAsync(cancellationToken);
                return limit.Capacity < 1 ? TimeSpan.FromDays(1) : limit.Refill * Math.Max(0.01, 1 - tokens);
            }
        }

        await transaction.CommitAsync(cancellationToken);
        return null;
    }

    /// <summary>Whether a bucket has a token; none is taken.</summary>
    public async Task<TimeSpan?> LackAsync(
        string directory, (string Bucket, BucketSettings Limit) bucket, CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        var tokens = await RunAsync(connection, Look, directory, bucket.Bucket, bucket.Limit, cancellationToken)
            ?? bucket.Limit.Capacity;
        return tokens >= 1 ? null : bucket.Limit.Refill * (1 - tokens);
    }

    // Authorities count by the whole list, its private section included (Boulder, publicsuffix.Domain).
    private static string Registered(HostName host) =>
        PublicSuffix.RegistrableDomain(host) is { IsEmpty: false } domain ? domain.ToString() : host.Value;

    private async Task<double?> RunAsync(
        NpgsqlConnection connection,
        string sql,
        string directory,
        string bucket,
        BucketSettings limit,
        CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        command.Parameters.Add(new() { Value = directory });
        command.Parameters.Add(new() { Value = bucket });
        command.Parameters.Add(new() { Value = (double)limit.Capacity });
        command.Parameters.Add(new() { Value = limit.Refill.TotalSeconds });
        command.Parameters.Add(new() { Value = time.GetUtcNow().UtcDateTime });
        return await command.ExecuteScalarAsync(cancellationToken) is double tokens ? tokens : null;
    }
}
