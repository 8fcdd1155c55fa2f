using Tracking.Links;
using Tracking.Tls.Stored;

namespace Tracking.Certificates.Tests.Storage;

public sealed class SealedKeysTests : IDisposable
{
    private static readonly byte[] _secret = [1, 2, 3, 4, 5];
    private readonly MasterKey _first = new(Enumerable.Repeat((byte)1, MasterKey.Size).ToArray());
    private readonly MasterKey _second = new(Enumerable.Repeat((byte)2, MasterKey.Size).ToArray());
    private readonly Guid _row = Guid.NewGuid();

    [Fact]
    public void A_sealed_key_opens_for_its_row_alone()
    {
        var keys = new MasterKeys([(1, _first)]);
        var value = SealedKey.Seal(keys, _row, _secret);

        Assert.Equal(_secret, SealedKey.Open(keys, _row, value));
        Assert.Null(SealedKey.Open(keys, Guid.NewGuid(), value));
        Assert.NotEqual(value, SealedKey.Seal(keys, _row, _secret));
    }

    [Fact]
    public void Every_changed_bit_is_noticed()
    {
        var keys = new MasterKeys([(2, _second), (1, _first)]);
        var value = SealedKey.Seal(keys, _row, _secret);
        for (var bit = 0; bit < 8 * value.Length; bit++)
        {
            var changed = value.ToArray();
            changed[bit / 8] ^= (byte)(1 << (bit % 8));

            Assert.Null(SealedKey.Open(keys, _row, changed));
        }

        for (var length = 0; length < value.Length; length++)
        {
            Assert.Null(SealedKey.Open(keys, _row, value.AsSpan(0, length)));
        }
    }

    [Fact]
    public void During_a_rotation_one_seals_and_both_open()
    {
        var old = SealedKey.Seal(new MasterKeys([(1, _first)]), _row, _secret);
        var both = new MasterKeys([(2, _second), (1, _first)]);

        var resealed = SealedKey.Reseal(both, _row, old);

        Assert.Equal(_secret, SealedKey.Open(both, _row, old));
        Assert.Equal(1, SealedKey.VersionOf(old));
        Assert.Equal(2, SealedKey.VersionOf(resealed));
        var after = new MasterKeys([(2, _second)]);
        Assert.Equal(_secret, SealedKey.Open(after, _row, resealed));
        Assert.Null(SealedKey.Open(after, _row, old));
        Assert.Null(SealedKey.Reseal(after, _row, old));
    }

    [Fact]
    public void The_version_is_bound_in()
    {
        // The same master key under two versions: only the version in the value differs.
        var value = SealedKey.Seal(new MasterKeys([(1, _first)]), _row, _secret);
        value[3] = 2;

        Assert.Null(SealedKey.Open(new MasterKeys([(1, _first), (2, _first)]), _row, value));
    }

    [Fact]
    public void There_is_at_least_one_master_key_and_versions_begin_at_1()
    {
        Assert.Throws<ArgumentException>(() => new MasterKeys([]));
        Assert.Throws<ArgumentException>(() => new MasterKeys([(0, _first)]));
    }

    public void Dispose()
    {
        _first.Dispose();
        _second.Dispose();
    }
}
