using Npgsql;
using Tracking.Links;

namespace Tracking.Certificates.Issuance;

/// <summary>A limit without room.</summary>
/// <param name="Bucket">Which.</param>
/// <param name="Limit">Its size.</param>
/// <param name="Wait">How long until whoever asks has his turn.</param>
/// <param name="HasQueue">Whether new names stand in a queue for it.</param>
internal sealed record LackOfRoom(string Bucket, BucketSettings Limit, TimeSpan Wait, bool HasQueue);

/// <summary>
/// What is left of the limits of each authority: buckets of tokens in the database, shared by all processes. New names
/// stand in a queue for a bucket that is empty, and each has its time from the beginning; a renewal goes before them.
/// </summary>
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

    // Seconds until the last one in the queue has its turn; below 0, or nothing, when there is no queue.
    private const string LookAtQueue =
        """
        SELECT extract(epoch FROM queued_until - $3)::double precision
        FROM certificates.budgets WHERE directory = $1 AND bucket = $2
        """;

    // One token later than the last one in the queue, and not before there is a token at all.
    private const string Enqueue =
        """
        UPDATE certificates.budgets SET queued_until = greatest(
            $5 + make_interval(secs => $4 * (1 - least($3, tokens + greatest(0, extract(epoch FROM $5 - at)) / $4))),
            queued_until + make_interval(secs => $4))
        WHERE directory = $1 AND bucket = $2
        RETURNING extract(epoch FROM queued_until - $5)::double precision
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

    /// <summary>The place of a name in a queue, as its row keeps it.</summary>
    public static string PlaceIn(string directory, string bucket) => $"{directory}|{bucket}";

    /// <summary>Takes one token of each bucket, or none of any.</summary>
    /// <param name="directory">The authority.</param>
    /// <param name="buckets">The buckets.</param>
    /// <param name="isNew">Whether it is for a new name, which goes behind those in the queue.</param>
    /// <param name="queuedFor">The queue in which it has waited for its turn.</param>
    /// <param name="cancellationToken">Ends the statements.</param>
    /// <returns>The limit that has no room; <see langword="null"/> when they were taken.</returns>
    public async Task<LackOfRoom?> TakeAsync(
        string directory,
        IReadOnlyList<(string Bucket, BucketSettings Limit)> buckets,
        bool isNew,
        string? queuedFor,
        CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);

        // In the order of their names: two processes that take the same ones wait for each other and never in a ring.
        foreach (var (bucket, limit) in buckets.OrderBy(each => each.Bucket, StringComparer.Ordinal))
        {
            if (limit.Capacity < 1)
            {
                return new LackOfRoom(bucket, limit, TimeSpan.FromDays(1), HasQueue: false);
            }

            var isLast = isNew && HasQueue(bucket) && queuedFor != PlaceIn(directory, bucket);
            var ahead = isLast ? await QueueAsync(connection, directory, bucket, cancellationToken) : TimeSpan.Zero;

            // Who comes later does not take the token of the next in the queue. A second one is there only where names
            // have left the queue.
            var tokens = ahead > TimeSpan.Zero
                ? await RunAsync(connection, Look, directory, bucket, limit, cancellationToken) : null;
            if (tokens < 2 || await RunAsync(connection, Take, directory, bucket, limit, cancellationToken) is null)
            {
                tokens ??= await RunAsync(connection, Look, directory, bucket, limit, cancellationToken) ?? 0;
                await transaction.RollbackAsync(cancellationToken);
                var wait = limit.Refill * Math.Max(0.01, 1 - tokens.Value);
                return new LackOfRoom(bucket, limit, wait > ahead + limit.Refill || ahead <= TimeSpan.Zero
                    ? wait : ahead + limit.Refill, isLast);
            }
        }

        await transaction.CommitAsync(cancellationToken);
        return null;
    }

    /// <summary>Goes to the end of the queue for a limit.</summary>
    /// <returns>How long until the turn comes.</returns>
    public async Task<TimeSpan> EnqueueAsync(
        string directory, LackOfRoom lack, CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        return await RunAsync(connection, Enqueue, directory, lack.Bucket, lack.Limit, cancellationToken) is { } seconds
            ? TimeSpan.FromSeconds(seconds) : lack.Wait;
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

    // Limits of one name alone have none.
    private static bool HasQueue(string bucket) =>
        bucket == "orders" || bucket.StartsWith("domain:", StringComparison.Ordinal);

    private async Task<TimeSpan> QueueAsync(
        NpgsqlConnection connection, string directory, string bucket, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(LookAtQueue, connection);
        command.Parameters.Add(new() { Value = directory });
        command.Parameters.Add(new() { Value = bucket });
        command.Parameters.Add(new() { Value = time.GetUtcNow().UtcDateTime });
        return await command.ExecuteScalarAsync(cancellationToken) is double seconds && seconds > 0
            ? TimeSpan.FromSeconds(seconds) : TimeSpan.Zero;
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
