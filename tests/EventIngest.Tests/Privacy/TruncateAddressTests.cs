using System.Net;
using Tracking.Database.Entities;
using Tracking.Database.Privacy;

namespace Tracking.EventIngest.Tests.Privacy;

public sealed class TruncateAddressTests
{
    [Theory]
    [InlineData(AddressPolicy.Full, "203.0.113.9", "203.0.113.9")]
    [InlineData(AddressPolicy.Truncated, "203.0.113.9", "203.0.113.0")]
    [InlineData(AddressPolicy.None, "203.0.113.9", null)]
    [InlineData(AddressPolicy.Full, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2:3:4:5:6")]
    [InlineData(AddressPolicy.Truncated, "2001:db8:1:2:3:4:5:6", "2001:db8:1::")]
    [InlineData(AddressPolicy.None, "2001:db8:1:2:3:4:5:6", null)]
    [InlineData(AddressPolicy.Truncated, "::ffff:203.0.113.9", "203.0.113.0")]
    [InlineData(AddressPolicy.Full, "::ffff:203.0.113.9", "203.0.113.9")]
    public void An_address_is_kept_as_far_as_the_policy_lets_it(AddressPolicy policy, string address, string? kept)
    {
        Span<byte> buffer = stackalloc byte[16];
        var length = TruncateAddress.Run(
            IPAddress.Parse(address).GetAddressBytes(), new ClusterPolicy(policy, false, 13), buffer);

        Assert.Equal(kept, length == 0 ? null : new IPAddress(buffer[..length]).ToString());
    }

    [Fact]
    public void An_anonymous_event_has_no_address_whatever_the_policy() => Assert.Equal(
        0, TruncateAddress.Run([192, 0, 2, 1], new ClusterPolicy(AddressPolicy.Full, true, 13), new byte[16]));
}
