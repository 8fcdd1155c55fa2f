using System.ComponentModel.DataAnnotations;

namespace Tracking.SmtpFilter.Tests;

public sealed class SmtpFilterOptionsTests
{
    [Theory]
    [InlineData("127.0.0.1:10025", "127.0.0.1:10026", null)]
    [InlineData("[::1]:10025", "mx.example.com:25", null)]
    [InlineData("unix:/run/tracking/smtp", "[::1]:25", null)]
    [InlineData(null, null, null)]
    [InlineData("127.0.0.1:10025", null, "NextHop")]
    [InlineData("localhost:10025", "127.0.0.1:25", "Listen")]
    [InlineData("127.0.0.1", "127.0.0.1:25", "Listen")]
    [InlineData("127.0.0.1:10025", "127.0.0.1", "NextHop")]
    [InlineData("127.0.0.1:10025", "::1:25", "NextHop")]
    public void Addresses_are_checked_at_start(string? listen, string? nextHop, string? wrong)
    {
        var options = new SmtpFilterOptions { Listen = listen, NextHop = nextHop };
        var failures = options.Validate(new ValidationContext(options)).SelectMany(failure => failure.MemberNames);
        Assert.Equal(wrong is null ? [] : [wrong], failures);
    }
}
