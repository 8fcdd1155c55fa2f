using System.Security.Cryptography;
using Microsoft.Extensions.Logging.Abstractions;
using Tracking.Certificates.Renewal;
using Tracking.Links;
using Tracking.Servers;
using Tracking.Tls.Stored;

namespace Tracking.Functional.Tests.Certificates;

/// <summary>The master key is rotated while certificates are ordered and served: both keys open until nothing is sealed
/// under the old one any more.</summary>
public sealed class MasterKeyRotationTests(TestPostgres server) : IDisposable
{
    private const string Name = "track.shop.example.com";
    private static readonly byte[] _next = [.. Enumerable.Range(0, MasterKey.Size).Select(each => (byte)each)];

    private readonly MasterKey _old = new(new byte[MasterKey.Size]);
    private readonly MasterKey _new = new(_next);

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    // The settings after the rotation: the next key seals.
    private static (string, string)[] After =>
    [
        ("Tracking:MasterKey", Convert.ToBase64String(_next)), ("Tracking:MasterKeyVersion", "2"),
        ("Tracking:OtherMasterKey", Convert.ToBase64String(new byte[MasterKey.Size])),
        ("Tracking:OtherMasterKeyVersion", "1"),
    ];

    [Fact]
    public async Task Orders_go_on_over_a_rotation_and_the_old_key_can_go_when_nothing_is_sealed_under_it()
    {
        await using var database = await IssuanceDatabase.CreateAsync(server);
        await database.AddAsync(Name);
        var authority = database.Authorities[0];

        // 1. The next key is known and does not seal. An order is under way when its process dies.
        var before = database.Start(settings:
        [
            ("Tracking:OtherMasterKey", Convert.ToBase64String(_next)), ("Tracking:OtherMasterKeyVersion", "2"),
        ]);
        using (var death = CancellationTokenSource.CreateLinkedTokenSource(Cancelled))
        {
            authority.Script("certificate", async context =>
            {
                await death.CancelAsync();
                context.Abort();
            });
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => before.LookAsync(death.Token));
        }

        Assert.Equal("accounts 1, orders 1", await SealedAsync(database));
        Assert.Equal((0, 0), await Reseal(database, [(1, _old), (2, _new)]).RunAsync(Cancelled));

        // 2. The next key seals. Existing keys are sealed again, and the order ends with its key.
        Assert.Equal((2, 0), await Reseal(database, [(2, _new), (1, _old)]).RunAsync(Cancelled));
        Assert.Equal("accounts 2, orders 2", await SealedAsync(database));
        await database.ExpireLeasesAsync();
        await database.Start(settings: After).LookAsync(Cancelled);
        Assert.Equal((1, 1), (authority.Certificates, authority.Accounts));

        // 3. The old key is gone. Every sealed key can be opened.
        var last = database.Start(settings: After[..2]);
        await database.AddAsync("track.b.example.com");
        await last.LookAsync(Cancelled);
        Assert.Equal("accounts 2, certificates 2", await SealedAsync(database));
        Assert.Equal((2, 1), (authority.Certificates, authority.Accounts));
    }

    [Fact]
    public async Task Gateways_read_every_key_while_processes_seal_again_and_one_of_them_dies()
    {
        const int Rows = 1_200;
        await using var database = await IssuanceDatabase.CreateAsync(server);
        var secret = RandomNumberGenerator.GetBytes(138);
        var ids = Enumerable.Range(0, Rows).Select(_ => Guid.CreateVersion7()).ToArray();
        var sealing = new MasterKeys([(1, _old)]);
        await database.ExecuteAsync(
            """
            INSERT INTO certificates.issued (id, hostname, directory, not_before, not_after, chain, sealed_key,
                stored_at, is_renewal)
            SELECT id, 'track.t' || n || '.example.com', 'd', now(), now(), '', sealed, now(), false
            FROM unnest($1, $2) WITH ORDINALITY AS r (id, sealed, n)
            """,
            ids, ids.Select(id => SealedKey.Seal(sealing, id, secret)).ToArray());
        MasterKeys Both() => new([(2, _new), (1, _old)]);

        using var death = CancellationTokenSource.CreateLinkedTokenSource(Cancelled);
        var dies = Reseal(database, Both()).RunAsync(death.Token);
        await Eventually.HoldsAsync(
            async () => await SealedAsync(database) != "certificates 1", "the first are sealed again", Cancelled);
        await death.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => dies);
        Assert.Equal(Rows, await ReadableAsync(database, Both(), secret));

        // Two processes reseal at the same time, and gateways read meanwhile.
        var going = Task.WhenAll(
            Reseal(database, Both()).RunAsync(Cancelled), Reseal(database, Both()).RunAsync(Cancelled));
        do
        {
            Assert.Equal(Rows, await ReadableAsync(database, Both(), secret));
        }
        while (!going.IsCompleted);

        Assert.All(await going, outcome => Assert.Equal(0, outcome.Unreadable));
        Assert.Equal("certificates 2", await SealedAsync(database));
        Assert.Equal(Rows, await ReadableAsync(database, new MasterKeys([(2, _new)]), secret));
    }

    [Fact]
    public async Task Keys_that_the_other_master_key_cannot_open_stay_unchanged_and_are_reported()
    {
        await using var database = await IssuanceDatabase.CreateAsync(server);
        await database.AddAsync(Name);
        await database.Start().LookAsync(Cancelled);
        using var third = new MasterKey(RandomNumberGenerator.GetBytes(MasterKey.Size));

        Assert.Equal((0, 2), await Reseal(database, [(2, _new), (1, third)]).RunAsync(Cancelled));

        Assert.Equal("accounts 1, certificates 1", await SealedAsync(database));
    }

    public void Dispose()
    {
        _old.Dispose();
        _new.Dispose();
    }

    private static ResealKeys Reseal(
        IssuanceDatabase database, IReadOnlyList<(int Version, MasterKey Key)> keys) =>
        Reseal(database, new MasterKeys(keys));

    private static ResealKeys Reseal(IssuanceDatabase database, MasterKeys keys) =>
        new(database.DataSource, keys, TimeProvider.System, NullLogger<ResealKeys>.Instance);

    // Which kinds of keys are sealed under which versions.
    private static Task<string> SealedAsync(IssuanceDatabase database) => database.TextAsync(
        "SELECT string_agg(kind || ' ' || version, ', ' ORDER BY kind, version) FROM certificates.sealed_keys()");

    private static async Task<int> ReadableAsync(IssuanceDatabase database, MasterKeys keys, byte[] secret)
    {
        await using var command = database.DataSource.CreateCommand("SELECT id, sealed_key FROM certificates.issued");
        await using var reader = await command.ExecuteReaderAsync(Cancelled);
        var readable = 0;
        while (await reader.ReadAsync(Cancelled))
        {
            readable += SealedKey.Open(keys, reader.GetGuid(0), reader.GetFieldValue<byte[]>(1))
                ?.AsSpan().SequenceEqual(secret) == true ? 1 : 0;
        }

        return readable;
    }
}
