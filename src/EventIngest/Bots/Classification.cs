using System.Text;
using Tracking.Database.Entities;
using Tracking.EventIngest.Batches;

namespace Tracking.EventIngest.Bots;

/// <summary>Who or what caused an event, and the evidence. All events with the same evidence share one
/// object.</summary>
internal sealed class Classification
{
    private readonly byte[] _columns;

    /// <param name="evidence">The reasons, the decisive reason first.</param>
    /// <param name="vendor">The maker of the program or the owner of the network, lower case.</param>
    /// <param name="ruleSet">The number of the rule set that was applied.</param>
    public Classification(IReadOnlyList<Reason> evidence, string? vendor, int ruleSet)
    {
        Evidence = evidence;
        Vendor = vendor;
        Score = evidence.Sum(reason => reason.Weight);
        Verdict = Reasons.Judge(evidence, Score);

        Span<byte> columns = stackalloc byte[LargestColumns];
        var row = new CopyRow(columns);
        row.WriteSmallint((short)Verdict);
        if (vendor is null)
        {
            row.WriteNull();
        }
        else
        {
            row.WriteBytes(Encoding.UTF8.GetBytes(vendor));
        }

        row.WriteTextArray([.. evidence.Select(reason => Encoding.UTF8.GetBytes(reason.Code))]);
        row.WriteSmallint((short)Score);
        row.WriteInteger(ruleSet);
        _columns = columns[..row.Length].ToArray();
    }

    /// <summary>The largest size of <see cref="Columns"/> in bytes: a dozen reasons of at most 30 characters
    /// each.</summary>
    public const int LargestColumns = 768;

    public Verdict Verdict { get; }

    /// <summary>The maker of the program or the owner of the network; null if unknown.</summary>
    public string? Vendor { get; }

    /// <summary>The sum of the reasons' weights: a machine from <see cref="Verdicts.MachineAt"/> on, a person below
    /// 0.</summary>
    public int Score { get; }

    /// <summary>The reasons for the verdict.</summary>
    public IReadOnlyList<Reason> Evidence { get; }

    /// <summary>The columns verdict, vendor, reasons, score and rules, encoded for COPY.</summary>
    public ReadOnlySpan<byte> Columns => _columns;
}
