using System.Text;
using Tracking.Database.Entities;
using Tracking.EventIngest.Batches;

namespace Tracking.EventIngest.Bots;

/// <summary>Who or what caused an event, and what that rests on. One object for all events that look the
/// same.</summary>
internal sealed class Classification
{
    private readonly byte[] _columns;

    /// <param name="evidence">What was found, the decisive first.</param>
    /// <param name="vendor">The maker of the program or the owner of the network, lower case.</param>
    /// <param name="ruleSet">The number of the rules that were asked.</param>
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

    /// <summary>Bytes of <see cref="Columns"/> at most: a dozen reasons of at most 30 characters each.</summary>
    public const int LargestColumns = 768;

    public Verdict Verdict { get; }

    /// <summary>The maker of the program or the owner of the network; null when it is not known.</summary>
    public string? Vendor { get; }

    /// <summary>The sum of the reasons' weights: from <see cref="Verdicts.MachineAt"/> on a machine, below 0 a
    /// person.</summary>
    public int Score { get; }

    /// <summary>What it rests on.</summary>
    public IReadOnlyList<Reason> Evidence { get; }

    /// <summary>The columns verdict, vendor, reasons, score and rules as COPY takes them.</summary>
    public ReadOnlySpan<byte> Columns => _columns;
}
