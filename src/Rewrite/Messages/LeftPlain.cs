using System.Globalization;
using System.Text;
using Tracking.Links;
using Tracking.Rewrite.Decisions;

namespace Tracking.Rewrite.Messages;

/// <summary>How many links of a message were left plain, by reason; pictures are no links.</summary>
internal sealed class LeftPlain
{
    private static readonly int _reasons = Enum.GetValues<LinkDecision>().Length;

    private readonly int[] _counts = new int[_reasons];

    /// <summary>Takes in a link.</summary>
    public void Add(PlannedLink link)
    {
        if (!link.IsTracked && link.Kind == LinkKind.Click)
        {
            _counts[(int)link.Decision]++;
        }
    }

    /// <summary>A JSON object of the reasons' words (<see cref="WireWords"/>); <see langword="null"/> when no link was
    /// left.</summary>
    public string? ToJson()
    {
        StringBuilder? json = null;
        for (var reason = 0; reason < _counts.Length; reason++)
        {
            if (_counts[reason] > 0)
            {
                json = (json?.Append(',') ?? new StringBuilder("{")).Append(
                    CultureInfo.InvariantCulture, $"\"{WireWords.Of((LinkDecision)reason)}\":{_counts[reason]}");
            }
        }

        return json?.Append('}').ToString();
    }
}
