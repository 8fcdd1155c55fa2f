using System.Security.Cryptography;
using Npgsql;
using Tracking.Links;

namespace Tracking.Database;

/// <summary>A signing key was sealed under another master key than the configured one.</summary>
public sealed class WrongMasterKeyException(string message) : CryptographicException(message);

/// <summary>The signing keys are lost. The message is one line for the operator.</summary>
public sealed class SigningKeysLostException(string message) : Exception(message);

/// <summary>A row of <c>links.signing_keys</c>. The key is sealed, so a copy outside the database reveals
/// nothing.</summary>
/// <param name="Version">The version, from 1.</param>
/// <param name="Sealed">The key, sealed under the master key.</param>
/// <param name="SignsFrom">When the key begins to sign.</param>
public sealed record SealedSigningKey(int Version, byte[] Sealed, DateTimeOffset SignsFrom);

/// <summary>The fault of a signing key in the database.</summary>
public enum KeyFault
{
    /// <summary>The row cannot be opened: damaged, or sealed under another master key.</summary>
    Unreadable,

    /// <summary>The row is missing, but this process has read it before.</summary>
    Missing,

    /// <summary>The row has another key than before.</summary>
    Replaced,

    /// <summary>The table is empty, and this process has read no key before. The fault's version is 0.</summary>
    NoKey,
}

/// <summary>
/// The signing keys of <c>links.signing_keys</c>, opened with the master key and kept in memory. A new version signs
/// only after a delay in which every process reads it. So it verifies everywhere before it signs anywhere.
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

    /// <summary>The current keys; <see langword="null"/> until some have been read.</summary>
    public SigningKeys? Current
    {
        get
        {
            var (signing, held) = (_signing, _held);
            // A selection is not used after the keys have been read again, because it may lack the newest key.
            return signing is not null && ReferenceEquals(signing.Of, held) && Now(held) < signing.Until
                ? signing.Keys
                : held is not null ? Select(held) : null;
        }
    }

    /// <summary>The rows of <see cref="Current"/>, for a copy that is used while the database is unavailable. Rows that
    /// were once read stay.</summary>
    public IReadOnlyList<SealedSigningKey> Rows => _held?.Rows ?? [];

    /// <summary>The faults of the table, by version; empty without faults.</summary>
    public IReadOnlyList<(int Version, KeyFault Fault)> Faults { get; private set; } = [];

    /// <summary>Adds the rows of a copy. Keys that are already known stay.</summary>
    /// <exception cref="WrongMasterKeyException">None of the rows can be opened.</exception>
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

    /// <summary>Reads every version. Keys that were read before stay; see <see cref="Faults"/>.</summary>
    /// <exception cref="NpgsqlException">The database is unavailable.</exception>
    /// <exception cref="WrongMasterKeyException">No key is known, and no row can be opened.</exception>
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

    /// <summary>As <see cref="RotateAsync(Func{NpgsqlTransaction, int, Task}, CancellationToken)"/>, without a further
    /// statement in the transaction.</summary>
    public Task<(int Version, DateTimeOffset SignsFrom)> RotateAsync(CancellationToken cancellationToken) =>
        RotateAsync(null, cancellationToken);

    /// <summary>Adds a version that verifies at once and signs after <see cref="SigningDelay"/>, by the database's
    /// clock.</summary>
    /// <param name="along">Stores further rows in the same transaction; <see langword="null"/>: none.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>The new version and when it begins to sign.</returns>
    /// <exception cref="SigningKeysLostException">The table is empty, or none of its keys can be opened. The lost keys
    /// must be restored. A new key would get the version of a lost one.</exception>
    /// <exception cref="WrongMasterKeyException">The new key could not be opened again.</exception>
    public async Task<(int Version, DateTimeOffset SignsFrom)> RotateAsync(
        Func<NpgsqlTransaction, int, Task>? along, CancellationToken cancellationToken)
    {
        await RefreshAsync(cancellationToken);
        var (held, faults) = (_held, Faults);
        if (held is null || _isTableEmpty)
        {
            throw new SigningKeysLostException(MakeFirstSigningKey.Lost);
        }

        // A version number is never used twice. Otherwise the links of the first key would not verify.
        var version = held.Keys.Select(key => key.Version).Concat(faults.Select(fault => fault.Version)).Max() + 1;
        await InsertAsync(version, along, cancellationToken);
        await RefreshAsync(cancellationToken);
        // Of two rotations at the same time only one adds the version. Both return the stored one.
        return Rows.FirstOrDefault(row => row.Version == version) is { } stored
            ? (version, stored.SignsFrom)
            : throw WrongMasterKey(version);
    }

    /// <summary>The purpose under which the key of a version is sealed.</summary>
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

    // The database's clock, which all processes share. A process with a wrong clock would sign before others can
    // verify.
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
    /// <param name="Fingerprint">Distinguishes the key from another key of the same version.</param>
    /// <param name="IsStored">Whether the table had the key at the last read. Only such a key signs.</param>
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
