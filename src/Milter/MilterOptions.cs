using System.ComponentModel.DataAnnotations;
using Tracking.Rewrite.Doors;
using Tracking.ServiceDefaults.Settings;

namespace Tracking.Milter;

/// <summary>Settings of the milter: <c>Tracking__Milter__…</c>.</summary>
public sealed class MilterOptions : IValidatableObject
{
    /// <summary>The section under <c>Tracking</c>.</summary>
    public const string Section = "Milter";

    /// <summary>The address for the MTA: an IP address with a port, as in <c>127.0.0.1:10027</c>, or
    /// <c>unix:/run/tracking/milter</c>. Default none: the milter is off.</summary>
    public string? Listen { get; set; }

    /// <summary>Clients that may connect over TCP: addresses or CIDR ranges. Default: this machine (<c>127.0.0.0/8</c>,
    /// <c>::1</c>). A Unix socket is protected by its folder.</summary>
    public IList<string> Clients { get; } = [];

    /// <summary>The largest message that is rewritten, in bytes; 64 kB to 1 GB, default 64 MiB as
    /// <c>Rewrite:MaxMessageBytes</c>. A larger one is accepted untouched: the MTA's own limit decides about
    /// it.</summary>
    [Range(65_536, 1 << 30)]
    public int MaxMessageBytes { get; set; } = 64 << 20;

    /// <summary>Bytes of messages that the milter holds at the same time; further ones are answered with 451. 1 MiB to
    /// 1 TiB and at least <see cref="MaxMessageBytes"/>, default 256 MiB: four messages of the largest size, or
    /// thousands of typical newsletters. Rewriting takes two to three times a message's size.</summary>
    [Range(1L << 20, 1L << 40)]
    public long MaxBytesAtOnce { get; set; } = 256L << 20;

    /// <summary>Connections at the same time; further ones wait until one is free. 1 to 10,000, default 500: an MTA has
    /// one for each SMTP session, and Postfix allows 100 (<c>default_process_limit</c>).</summary>
    [Range(1, 10_000)]
    public int MaxConnections { get; set; } = 500;

    /// <summary>The longest wait for the MTA's next packet; 10 s to 12 h, default 7,210 s, which is libmilter's: longer
    /// than any wait of the SMTP session behind it.</summary>
    [Range(typeof(TimeSpan), "00:00:10", "12:00:00")]
    public TimeSpan IdleTimeout { get; set; } = TimeSpan.FromSeconds(7_210);

    /// <inheritdoc/>
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        foreach (var failure in AddressRanges.Failures(nameof(Clients), Clients))
        {
            yield return failure;
        }

        if (!string.IsNullOrEmpty(Listen) && !DoorAddress.TryParse(Listen, out _))
        {
            yield return new ValidationResult($"got \"{Listen}\", {DoorAddress.Takes}", [nameof(Listen)]);
        }

        if (MaxBytesAtOnce < MaxMessageBytes)
        {
            yield return new ValidationResult(
                $"got \"{MaxBytesAtOnce}\", takes at least {nameof(MaxMessageBytes)}, which is {MaxMessageBytes}",
                [nameof(MaxBytesAtOnce)]);
        }
    }
}
