using System.Security.Cryptography;
using Npgsql;
using Tracking.Links;

namespace Tracking.Database;

/// <summary>A signing key was sealed under another master key than the one given.</summary>
public sealed class WrongMasterKeyException(string message) : CryptographicException(message);

/// <summary>There is no signing key where there has been one; the message is one line for the operator.</summary>
public sealed class SigningKeysLostException(string message) : Exception(message);

/// <summary>A row of <c>links.signing_keys</c>: sealed, so a copy of it outside the database tells nothing.</summary>
/// <param name="Version">1 and up.</param>
/// <param name="Sealed">The key under the master key.</param>
/// <param name="SignsFrom">From when it signs.</param>
public sealed record SealedSigningKey(int Version, byte[] Sealed, DateTimeOffset SignsFrom);

/// <summary>What is wrong with a signing key in the database.</summary>
public enum KeyFault
{
    /// <summary>The row cannot be opened: damaged, or sealed under another master key.</summary>
    Unreadable,

    /// <summary>The row is gone; this process has read it before.</summary>
    Missing,

    /// <summary>The row holds another key than this process has read before.</summary>
    Replaced,

    /// <summary>There is no row at all, and this process has read none before; its version is 0.</summary>
    NoKey,
}

/// <summary>
/// The signing keys of <c>links.signing_keys</c>, opened with the master key and kept in memory. A new version is
/// stored to sign only after every process has had time to read it: it verifies everywhere before it signs anywhere.
/// <para>A key that was read once verifies until the process ends, even if its row is lost, changed or unreadable: a
/// restore of the table or of an old backup must not break links. Only keys in the table sign, so that other processes
/// can verify the links. While the table is empty, the last signing key still signs. Only
/// <see cref="MakeFirstSigningKey"/> and <see cref="RotateAsync(CancellationToken)"/> make keys.</para>
/// </summary>
public sealed class SigningKeyRing(NpgsqlDataSource dataSource, MasterKey masterKey, TimeProvider time)
{
    /// <summary>How long a new version only verifies: five times the longest refresh of any process.</summary>
    public static readonly TimeSpan SigningDelay = TimeSpan.FromMinutes(5);

    private readonly Lock _replacing = new();
    private volatile Held? _held;
    private volatile Signing? _signing;
    private volatile bool _isTableEmpty = true;

    /// <summary>The keys now; <see langword="null"/> until some have been read.</summary>
    public SigningKeys? Current
    {
        get
        {
            var (signing, held) = (_signing, _held);
            // A selection from keys that have since been read again is not used: it may miss the newest.
            return signing is not null && ReferenceEquals(signing.Of, held) && Now(held) < signing.Until
                ? signing.Keys
                : held is not null ? Select(held) : null;
        }
    }

    /// <summary>The rows behind <see cref="Current"/>, for whoever keeps a copy against the database being
    /// away. Never less than was read before.</summary>
    public IReadOnlyList<SealedSigningKey> Rows => _held?.Rows ?? [];

    /// <summary>What is wrong with the table, by version; empty when all is well.</summary>
    public IReadOnlyList<(int Version, KeyFault Fault)> Faults { get; private set; } = [];

    /// <summary>Takes a copy of the rows: what the database does not have, or has not told yet.</summary>
    /// <exception cref="WrongMasterKeyException">Not one of them can be opened.</exception>
    public void Restore(IReadOnlyList<SealedSigningKey> rows)
    {
        var (opened, unreadable) = Open(rows);
        if (opened.Count == 0)
        {
            ThrowIfAny(unreadable);
            return;
        }

        lock (_replacing)
        {
            var isRead = _held?.IsRead == true;
            Replace(
                [.. _held?.Keys ?? [], .. Others(opened, _held?.Keys ?? []).Select(
                    key => key with { IsStored = !isRead })],
                _held?.Clock);
            if (isRead)
            {
                Faults = FaultsOf(_held!.Keys, Faults.Where(fault => fault.Fault == KeyFault.Unreadable));
            }
        }
    }

    /// <summary>Reads every version. A process that knows keys keeps them; see <see cref="Faults"/>.</summary>
    /// <exception cref="NpgsqlException">The database is away.</exception>
    /// <exception cref="WrongMasterKeyException">No key is known, and not one row can be opened.</exception>
    public async Task RefreshAsync(CancellationToken cancellationToken)
    {
        var (rows, clock) = await ReadAsync(cancellationToken);
        var (opened, unreadable) = Open(rows);
        lock (_replacing)
        {
            var before = _held?.Keys ?? [];
            if (opened.Count == 0)
            {
                _isTableEmpty = true;
                if (before.Count == 0)
                {
                    ThrowIfAny(unreadable);
                    Faults = [(0, KeyFault.NoKey)];
                    return;
                }

                Replace(before, clock);
            }
            else
            {
                _isTableEmpty = false;
                Replace([.. opened, .. Others(before, opened).Select(key => key with { IsStored = false })], clock);
            }

            var missing = opened.Count == 0 ? [.. before.Select(key => key with { IsStored = false })] : _held!.Keys;
            Faults = FaultsOf(missing, unreadable.Select(version => (version, KeyFault.Unreadable)));
        }
    }

    /// <summary>As <see cref="RotateAsync(Func{NpgsqlTransaction, int, Task}, CancellationToken)"/>, with nothing
    /// stored along.</summary>
    public Task<(int Version, DateTimeOffset SignsFrom)> RotateAsync(CancellationToken cancellationToken) =>
        RotateAsync(null, cancellationToken);

    /// <summary>Adds a version that verifies at once and signs after <see cref="SigningDelay"/>, by the database's
    /// clock.</summary>
    /// <param name="along">What is stored with the new version, in its transaction; <see langword="null"/>:
    /// nothing.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>The new version and when it begins to sign.</returns>
    /// <exception cref="SigningKeysLostException">The table is empty, or nothing in it can be opened: the keys that
    /// were in it are to be restored, and a new one would be taken for them.</exception>
    /// <exception cref="WrongMasterKeyException">It could not be opened again.</exception>
    public async Task<(int Version, DateTimeOffset SignsFrom)> RotateAsync(
        Func<NpgsqlTransaction, int, Task>? along, CancellationToken cancellationToken)
    {
        await RefreshAsync(cancellationToken);
        var (held, faults) = (_held, Faults);
        if (held is null || _isTableEmpty)
        {
            throw new SigningKeysLostException(MakeFirstSigningKey.Lost);
        }

        // A version number is never used twice: the links of the first key would not verify.
        var version = held.Keys.Select(key => key.Version).Concat(faults.Select(fault => fault.Version)).Max() + 1;
        await InsertAsync(version, along, cancellationToken);
        await RefreshAsync(cancellationToken);
        // Of two who rotate at once only one adds the version; both tell what is stored.
        return Rows.FirstOrDefault(row => row.Version == version) is { } stored
            ? (version, stored.SignsFrom)
            : throw WrongMasterKey(version);
    }

    /// <summary>What the key of a version is sealed for.</summary>
    public static string Purpose(int version) => $"links.signing_keys/{version}";

    private static WrongMasterKeyException WrongMasterKey(int version) => new(
        $"Signing key version {version} was sealed under another master key: "
        + "give the master key that belongs to this database (Tracking__MasterKeyFile).");

    private static void ThrowIfAny(List<int> unreadable)
    {
        if (unreadable.Count > 0)
        {
            throw WrongMasterKey(unreadable[0]);
        }
    }

    private static IEnumerable<HeldKey> Others(IEnumerable<HeldKey> keys, List<HeldKey> than) =>
        keys.Where(key => !than.Exists(key.IsSameAs));

    private static List<(int Version, KeyFault Fault)> FaultsOf(
        List<HeldKey> keys, IEnumerable<(int Version, KeyFault Fault)> unreadable)
    {
        var faults = unreadable.ToList();
        var stored = keys.Where(key => key.IsStored).Select(key => key.Version).ToHashSet();
        var gone = keys.Where(key => !key.IsStored && !faults.Contains((key.Version, KeyFault.Unreadable)));
        return
        [
            .. faults
                .Concat(gone.Select(key =>
                    (key.Version, stored.Contains(key.Version) ? KeyFault.Replaced : KeyFault.Missing)))
                .Distinct()
                .Order(),
        ];
    }

    private void Replace(List<HeldKey> keys, (DateTimeOffset Now, long At)? clock)
    {
        var held = new Held(keys, [.. keys.Select(key => key.Row)], clock);
        _held = held;
        _ = Select(held);
    }

    // The database's clock, which every process reads: one whose own is wrong would sign before others verify.
    private DateTimeOffset Now(Held? held) =>
        held?.Clock is { } clock ? clock.Now + time.GetElapsedTime(clock.At) : time.GetUtcNow();

    private SigningKeys Select(Held held)
    {
        var now = Now(held);
        var stored = held.Keys.FindAll(key => key.IsStored);
        var signing = stored.Where(key => key.SignsFrom <= now).MaxBy(key => key.Version) ?? stored.MinBy(
            key => key.SignsFrom);
        var next = stored.Where(key => key.SignsFrom > now).Select(key => (DateTimeOffset?)key.SignsFrom).Min();
        var keys = new SigningKeys(signing!.Key, [.. held.Keys.Select(key => key.Key)]);
        _signing = new Signing(held, keys, next ?? DateTimeOffset.MaxValue);
        return keys;
    }

    private async Task<(List<SealedSigningKey> Rows, (DateTimeOffset Now, long At) Clock)> ReadAsync(
        CancellationToken cancellationToken)
    {
        var rows = new List<SealedSigningKey>();
        await using var batch = dataSource.CreateBatch();
        batch.BatchCommands.Add(new NpgsqlBatchCommand("SELECT now()"));
        batch.BatchCommands.Add(new NpgsqlBatchCommand(
            "SELECT version, sealed, signs_from FROM links.signing_keys ORDER BY version"));
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        // The time of the answer's transport makes our clock late, so we sign later than planned and never earlier.
        var clock = (reader.GetFieldValue<DateTimeOffset>(0), time.GetTimestamp());
        await reader.NextResultAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            rows.Add(new SealedSigningKey(
                reader.GetInt32(0), reader.GetFieldValue<byte[]>(1), reader.GetFieldValue<DateTimeOffset>(2)));
        }

        return (rows, clock);
    }

    private (List<HeldKey> Opened, List<int> Unreadable) Open(IReadOnlyList<SealedSigningKey> rows)
    {
        var opened = new List<HeldKey>();
        var unreadable = new List<int>();
        foreach (var row in rows)
        {
            if (masterKey.Open(row.Sealed, Purpose(row.Version)) is { Length: SigningKey.Size } material)
            {
                opened.Add(new HeldKey(
                    new SigningKey(row.Version, material), row, SHA256.HashData(material), IsStored: true));
                CryptographicOperations.ZeroMemory(material);
            }
            else
            {
                unreadable.Add(row.Version);
            }
        }

        return (opened, unreadable);
    }

    private async Task InsertAsync(
        int version, Func<NpgsqlTransaction, int, Task>? along, CancellationToken cancellationToken)
    {
        var material = RandomNumberGenerator.GetBytes(SigningKey.Size);
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await using var command = new NpgsqlCommand(
            """
            INSERT INTO links.signing_keys (version, sealed, signs_from) VALUES ($1, $2, now() + $3)
            ON CONFLICT (version) DO NOTHING
            """,
            connection,
            transaction);
        command.Parameters.Add(new() { Value = version });
        command.Parameters.Add(new() { Value = masterKey.Seal(material, Purpose(version)) });
        command.Parameters.Add(new() { Value = SigningDelay });
        var added = await command.ExecuteNonQueryAsync(cancellationToken);
        CryptographicOperations.ZeroMemory(material);
        if (added == 1 && along is not null)
        {
            await along(transaction, version);
        }

        await transaction.CommitAsync(cancellationToken);
    }

    /// <param name="Key">The key.</param>
    /// <param name="Row">Its row.</param>
    /// <param name="Fingerprint">Tells it from another key under its version.</param>
    /// <param name="IsStored">Whether the table has it, as far as is known; only then it signs.</param>
    private sealed record HeldKey(SigningKey Key, SealedSigningKey Row, byte[] Fingerprint, bool IsStored)
    {
        public int Version => Row.Version;

        public DateTimeOffset SignsFrom => Row.SignsFrom;

        public bool IsSameAs(HeldKey other) =>
            Version == other.Version && Fingerprint.AsSpan().SequenceEqual(other.Fingerprint);
    }

    private sealed record Held(
        List<HeldKey> Keys, IReadOnlyList<SealedSigningKey> Rows, (DateTimeOffset Now, long At)? Clock)
    {
        public bool IsRead => Clock is not null;
    }

    private sealed record Signing(Held Of, SigningKeys Keys, DateTimeOffset Until);
}
