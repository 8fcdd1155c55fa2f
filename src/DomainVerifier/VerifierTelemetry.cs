using System.Diagnostics;
using System.Diagnostics.Metrics;
using Tracking.Database.Entities;
using Tracking.DomainVerifier.Verification;

namespace Tracking.DomainVerifier;

/// <summary>The figures of this service: meter <c>Tracking.DomainVerifier</c>.</summary>
internal sealed class VerifierTelemetry
{
    /// <summary>The name of the meter.</summary>
    public const string Name = "Tracking.DomainVerifier";

    private readonly Counter<long> _checks;
    private readonly Counter<long> _faults;
    private readonly Histogram<double> _durations;
    private readonly Counter<long> _mails;
    private Backlog? _backlog;

    public VerifierTelemetry(IMeterFactory meters)
    {
        var meter = meters.Create(Name);
        _checks = meter.CreateCounter<long>(
            "tracking.domains.checks", "{check}", "Checks of tracking domains stored, by outcome and effect.");
        _faults = meter.CreateCounter<long>(
            "tracking.domains.check.faults", "{check}", "Checks without a stored result, by reason.");
        _durations = meter.CreateHistogram<double>(
            "tracking.domains.check.duration", "s", "From the first question to the stored result.");
        _mails = meter.CreateCounter<long>(
            "tracking.domains.notices.mailed", "{mail}", "Notices by mail, one a recipient, by result.");
        meter.CreateObservableGauge(
            "tracking.domains.due", () => Read(backlog => backlog.Due), "{domain}",
            "Tracking domains that are due, all verifiers together; counted up to 100,000.");
        meter.CreateObservableGauge(
            "tracking.domains.late", () => Read(backlog => backlog.Late.TotalSeconds), "s",
            "How long the tracking domain that is due longest has been.");
        meter.CreateObservableGauge(
            "tracking.domains.notices.unsent", () => Read(backlog => backlog.Unsent), "{notice}",
            "Notices that are not with everybody yet, all verifiers together.");
    }

    /// <summary>Records a finished check.</summary>
    public void Checked(StoreCheckOutcome stored, CheckOutcome outcome, CheckEffect effect, TimeSpan duration)
    {
        if (stored != StoreCheckOutcome.Stored)
        {
            Fault(stored == StoreCheckOutcome.Dropped ? "dropped" : "conflict");
            return;
        }

        _checks.Add(1, new TagList { { "outcome", Word(outcome) }, { "effect", Word(effect) } });
        _durations.Record(duration.TotalSeconds);
    }

    /// <summary>Records a check without a result.</summary>
    /// <param name="reason">A word with hyphens.</param>
    public void Fault(string reason) => _faults.Add(1, new KeyValuePair<string, object?>("reason", reason));

    /// <summary>Records an attempt to tell one recipient.</summary>
    /// <param name="result"><c>sent</c>, <c>refused</c> (for good) or <c>failed</c> (tried again).</param>
    public void Mailed(string result) => _mails.Add(1, new KeyValuePair<string, object?>("result", result));

    /// <summary>Records the backlog.</summary>
    public void Waits(Backlog backlog) => Volatile.Write(ref _backlog, backlog);

    // Nothing is reported before the first measurement, because 0 would look healthy.
    private IEnumerable<Measurement<T>> Read<T>(Func<Backlog, T> figure)
        where T : struct =>
        Volatile.Read(ref _backlog) is { } backlog ? [new Measurement<T>(figure(backlog))] : [];

    private static string Word(CheckOutcome outcome) => outcome switch
    {
        CheckOutcome.Verified => "verified",
        CheckOutcome.Contradicted => "contradicted",
        _ => "no-evidence",
    };

    private static string Word(CheckEffect effect) => effect switch
    {
        CheckEffect.Activated => "activated",
        CheckEffect.Warned => "warned",
        CheckEffect.Demoted => "demoted",
        CheckEffect.Recovered => "recovered",
        _ => "nothing",
    };
}

/// <summary>The backlog of all verifiers.</summary>
/// <param name="Due">Domains that are due.</param>
/// <param name="Late">How long the oldest of them has been due.</param>
/// <param name="Unsent">Notices that are not delivered to everybody.</param>
internal sealed record Backlog(long Due, TimeSpan Late, long Unsent);
