using System.Security.Cryptography;

namespace Tracking.Links.Tests;

public sealed class MasterKeysTests
{
    [Fact]
    public void Sealed_secret_opens_under_the_same_key_and_purpose_only()
    {
        using var key = new MasterKey(new byte[32]);
        using var other = new MasterKey(RandomNumberGenerator.GetBytes(32));
        var box = key.Seal("secret"u8, "version 1");
        Assert.Equal("secret"u8.ToArray(), key.Open(box, "version 1"));
        Assert.Null(key.Open(box, "version 2"));
        Assert.Null(other.Open(box, "version 1"));
        Assert.NotEqual(box, key.Seal("secret"u8, "version 1"));
    }

    [Fact]
    public void Damaged_or_short_box_does_not_open()
    {
        using var key = new MasterKey(new byte[32]);
        var box = key.Seal("secret"u8, "p");
        for (var i = 0; i < box.Length; i++)
        {
            var damaged = (byte[])box.Clone();
            damaged[i] ^= 1;
            Assert.Null(key.Open(damaged, "p"));
        }

        Assert.Null(key.Open(box.AsSpan(0, 20), "p"));
        Assert.Throws<ArgumentOutOfRangeException>(() => new MasterKey(new byte[31]));
    }

    [Fact]
    public void During_a_rotation_one_seals_and_the_other_opens_too()
    {
        using var before = new MasterKey(new byte[32]);
        var old = before.Seal("secret"u8, "purpose");
        using var rotating = new MasterKey(RandomNumberGenerator.GetBytes(32), new MasterKey(new byte[32]));

        Assert.Equal("secret"u8.ToArray(), rotating.Open(old, "purpose"));
        Assert.Null(rotating.Open(old, "another purpose"));
        Assert.False(rotating.IsSealedUnderThis(old, "purpose"));
        var again = rotating.Reseal(old, "purpose")!;
        Assert.True(rotating.IsSealedUnderThis(again, "purpose"));
        Assert.Equal("secret"u8.ToArray(), rotating.Open(again, "purpose"));
        Assert.Null(before.Open(again, "purpose"));
        Assert.Null(rotating.Reseal(again, "purpose"));
        Assert.Null(rotating.Reseal("damaged damaged damaged damaged"u8, "purpose"));
    }

    [Fact]
    public void One_key_serves_many_threads_at_once()
    {
        using var key = new MasterKey(new byte[32]);
        Parallel.For(0, 20_000, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i =>
        {
            var purpose = $"version {i}";
            Assert.Equal("secret"u8.ToArray(), key.Open(key.Seal("secret"u8, purpose), purpose));
        });
    }
}
