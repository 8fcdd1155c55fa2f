using System.Security.Cryptography;
using Npgsql;
using Tracking.Links;

namespace Tracking.Database;

/// <summary>A signing key was sealed under another master key than the one given.</summary>
public sealed class WrongMasterKeyException(string message) : CryptographicException(message);

/// <summary>A row of <c>links.signing_keys</c>: sealed, so a copy of it outside the database tells nothing.</summary>
/// <param name="Version">1 and up.</param>
/// <param name="Sealed">The key under the master key.</param>
/// <param name="SignsFrom">From when it signs.</param>
public sealed record SealedSigningKey(int Version, byte[] Sealed, DateTimeOffset SignsFrom);

/// <summary>
/// The signing keys of <c>links.signing_keys</c>, opened with the master key and kept in memory. A new version is
/// stored to sign only after every process has had time to read it: it verifies everywhere before it signs anywhere.
/// </summary>
public sealed class SigningKeyRing(NpgsqlDataSource dataSource, MasterKey masterKey, TimeProvider time)
{
    /// <summary>How long a new version only verifies: five times the longest refresh of any process.</summary>
    public static readonly TimeSpan SigningDelay = TimeSpan.FromMinutes(5);

    private volatile IReadOnlyList<(SigningKey Key, DateTimeOffset SignsFrom)>? _versions;
    private volatile Signing? _signing;

    /// <summary>The keys now; <see langword="null"/> until they have been read once.</summary>
    public SigningKeys? Current
    {
        get
        {
            var (signing, versions) = (_signing, _versions);
            // A selection from versions that have since been read again is not used: it may miss the newest.
            return signing is not null && ReferenceEquals(signing.Of, versions) && time.GetUtcNow() < signing.Until
                ? signing.Keys
                : versions is not null ? Select(versions) : null;
        }
    }

    /// <summary>The rows behind <see cref="Current"/>, for whoever keeps a copy against the database being
    /// away.</summary>
    public IReadOnlyList<SealedSigningKey> Rows { get; private set; } = [];

    /// <summary>Takes a copy of the rows until the database has been read; ignored afterwards.</summary>
    /// <exception cref="WrongMasterKeyException">A key was sealed under another master key.</exception>
    public void Restore(IReadOnlyList<SealedSigningKey> rows)
    {
        if (_versions is null && rows.Count > 0)
        {
            _ = Select(_versions = Open(rows));
        }
    }

    /// <summary>Reads every version; makes the first one where there is none.</summary>
    /// <exception cref="WrongMasterKeyException">A key was sealed under another master key.</exception>
    public async Task RefreshAsync(CancellationToken cancellationToken)
    {
        var rows = await ReadAsync(cancellationToken);
        if (rows.Count == 0)
        {
            await InsertAsync(version: 1, time.GetUtcNow(), cancellationToken);
            rows = await ReadAsync(cancellationToken);
        }

        var versions = Open(rows);
        Rows = rows;
        _versions = versions;
        _ = Select(versions);
    }

    /// <summary>Adds a version that verifies at once and signs after <see cref="SigningDelay"/>.</summary>
    /// <returns>The new version and when it begins to sign.</returns>
    public async Task<(int Version, DateTimeOffset SignsFrom)> RotateAsync(CancellationToken cancellationToken)
    {
        await RefreshAsync(cancellationToken);
        var version = _versions!.Max(entry => entry.Key.Version) + 1;
        await InsertAsync(version, time.GetUtcNow() + SigningDelay, cancellationToken);
        await RefreshAsync(cancellationToken);
        // Of two who rotate at once only one adds the version; both tell what is stored.
        return (version, Rows.Single(row => row.Version == version).SignsFrom);
    }

    private SigningKeys Select(IReadOnlyList<(SigningKey Key, DateTimeOffset SignsFrom)> versions)
    {
        var now = time.GetUtcNow();
        var signing = versions.Where(entry => entry.SignsFrom <= now).MaxBy(entry => entry.Key.Version);
        var current = signing.Key ?? versions.MinBy(entry => entry.SignsFrom).Key;
        var next = versions.Where(entry => entry.SignsFrom > now)
            .Select(entry => (DateTimeOffset?)entry.SignsFrom)
            .Min();
        var keys = new SigningKeys(current, [.. versions.Select(entry => entry.Key)]);
        _signing = new Signing(versions, keys, next ?? DateTimeOffset.MaxValue);
        return keys;
    }

    private async Task<List<SealedSigningKey>> ReadAsync(CancellationToken cancellationToken)
    {
        var rows = new List<SealedSigningKey>();
        await using var command = dataSource.CreateCommand(
            "SELECT version, sealed, signs_from FROM links.signing_keys ORDER BY version");
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            rows.Add(new SealedSigningKey(
                reader.GetInt32(0), reader.GetFieldValue<byte[]>(1), reader.GetFieldValue<DateTimeOffset>(2)));
        }

        return rows;
    }

    private List<(SigningKey Key, DateTimeOffset SignsFrom)> Open(IEnumerable<SealedSigningKey> rows)
    {
        var versions = new List<(SigningKey, DateTimeOffset)>();
        foreach (var row in rows)
        {
            var material = masterKey.Open(row.Sealed, Purpose(row.Version))
                ?? throw new WrongMasterKeyException(
                    $"Signing key version {row.Version} was sealed under another master key: "
                    + "give the master key that belongs to this database (Tracking__MasterKeyFile).");
            versions.Add((new SigningKey(row.Version, material), row.SignsFrom));
            CryptographicOperations.ZeroMemory(material);
        }

        return versions;
    }

    private async Task InsertAsync(int version, DateTimeOffset signsFrom, CancellationToken cancellationToken)
    {
        var material = RandomNumberGenerator.GetBytes(SigningKey.Size);
        await using var command = dataSource.CreateCommand(
            """
            INSERT INTO links.signing_keys (version, sealed, signs_from) VALUES ($1, $2, $3)
            ON CONFLICT (version) DO NOTHING
            """);
        command.Parameters.Add(new() { Value = version });
        command.Parameters.Add(new() { Value = masterKey.Seal(material, Purpose(version)) });
        command.Parameters.Add(new() { Value = signsFrom });
        await command.ExecuteNonQueryAsync(cancellationToken);
        CryptographicOperations.ZeroMemory(material);
    }

    private static string Purpose(int version) => $"links.signing_keys/{version}";

    private sealed record Signing(
        IReadOnlyList<(SigningKey Key, DateTimeOffset SignsFrom)> Of, SigningKeys Keys, DateTimeOffset Until);
}
