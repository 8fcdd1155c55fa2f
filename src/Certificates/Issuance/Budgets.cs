using Npgsql;
using Tracking.Links;

namespace Tracking.Certificates.Issuance;

/// <summary>A limit without room.</summary>
/// <param name="Bucket">The bucket of the limit.</param>
/// <param name="Limit">The limit's size.</param>
/// <param name="Wait">How long until the name has its turn.</param>
/// <param name="HasQueue">Whether new names wait in a queue for this limit.</param>
internal sealed record LackOfRoom(string Bucket, BucketSettings Limit, TimeSpan Wait, bool HasQueue);

/// <summary>
/// The unused part of each authority's limits, as token buckets in the database that all processes share. New names
/// wait in a queue for an empty bucket. Each name in the queue has a fixed time from the beginning. A renewal goes
/// before the queue.
/// </summary>
internal sealed class Budgets(NpgsqlDataSource dataSource, TimeProvider time)
{
    // One statement refills the bucket and takes a token. The statement returns no row if the bucket has no token.
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

    // The seconds until the last name in the queue has its turn; below 0 or no row if there is no queue.
    private const string LookAtQueue =
        """
        SELECT extract(epoch FROM queued_until - $3)::double precision
        FROM certificates.budgets WHERE directory = $1 AND bucket = $2
        """;

    // The turn is one token later than that of the last name in the queue, and not before the bucket has a token.
    private const string Enqueue =
        """
        UPDATE certificates.budgets SET queued_until = greatest(
            $5 + make_interval(secs => $4 * (1 - least($3, tokens + greatest(0, extract(epoch FROM $5 - at)) / $4))),
            queued_until + make_interval(secs => $4))
        WHERE directory = $1 AND bucket = $2
        RETURNING extract(epoch FROM queued_until - $5)::double precision
        """;

    /// <summary>The buckets from which a new certificate for a name takes tokens.</summary>
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
    /// <param name="isNew">Whether the certificate is for a new name. New names go behind the names in the
    /// queue.</param>
    /// <param name="queuedFor">The queue in which the name has waited for its turn.</param>
    /// <param name="cancellationToken">Ends the statements.</param>
    /// <returns>The limit without room; <see langword="null"/> if the tokens were taken.</returns>
    public async Task<LackOfRoom?> TakeAsync(
        string directory,
        IReadOnlyList<(string Bucket, BucketSettings Limit)> buckets,
        bool isNew,
        string? queuedFor,
        CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);

        // Buckets are locked in the order of their names, so two processes that take the same buckets never deadlock.
        foreach (var (bucket, limit) in buckets.OrderBy(each => each.Bucket, StringComparer.Ordinal))
        {
            if (limit.Capacity < 1)
            {
                return new LackOfRoom(bucket, limit, TimeSpan.FromDays(1), HasQueue: false);
            }

            var isLast = isNew && HasQueue(bucket) && queuedFor != PlaceIn(directory, bucket);
            var ahead = isLast ? await QueueAsync(connection, directory, bucket, cancellationToken) : TimeSpan.Zero;

            // A new name does not take the token of the first name in the queue. A second token exists only if names
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

    /// <summary>Puts a name at the end of the queue for a limit.</summary>
    /// <returns>How long until the name has its turn.</returns>
    public async Task<TimeSpan> EnqueueAsync(
        string directory, LackOfRoom lack, CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        return await RunAsync(connection, Enqueue, directory, lack.Bucket, lack.Limit, cancellationToken) is { } seconds
            ? TimeSpan.FromSeconds(seconds) : lack.Wait;
    }

    /// <summary>Whether a bucket has a token. No token is taken.</summary>
    public async Task<TimeSpan?> LackAsync(
        string directory, (string Bucket, BucketSettings Limit) bucket, CancellationToken cancellationToken)
    {
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        var tokens = await RunAsync(connection, Look, directory, bucket.Bucket, bucket.Limit, cancellationToken)
            ?? bucket.Limit.Capacity;
        return tokens >= 1 ? null : bucket.Limit.Refill * (1 - tokens);
    }

    // Limits of a single name have no queue.
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

    // Authorities count by the whole Public Suffix List, including its private section (Boulder, publicsuffix.Domain).
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
