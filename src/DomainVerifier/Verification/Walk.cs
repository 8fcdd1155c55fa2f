using Tracking.Dns;

namespace Tracking.DomainVerifier.Verification;

/// <summary>The ends of a walk.</summary>
internal enum WalkEnd : byte
{
    /// <summary>The walk was cut short by the time limit.</summary>
    Unfinished,

    /// <summary>The walk reached the target.</summary>
    Arrived,

    /// <summary>The walk ended at a name without a record.</summary>
    Absent,

    /// <summary>The walk ended at a name with addresses.</summary>
    Address,

    /// <summary>The walk ended at a name with several aliases.</summary>
    Several,

    /// <summary>The walk came to a name for the second time.</summary>
    Loop,

    /// <summary>The chain has more aliases than are followed.</summary>
    TooLong,

    /// <summary>The walk ended at a name about which the servers are divided.</summary>
    Undecided,

    /// <summary>The walk ended at a name about which no server answered.</summary>
    Silent,

    /// <summary>The walk ended at a name without a zone.</summary>
    NoZone,
}

/// <summary>A name of the chain, with the answers about it.</summary>
/// <param name="Name">The name.</param>
/// <param name="Zone">The name's zone; <see langword="null"/> if the resolver was asked.</param>
/// <param name="Answers">The answer of each server.</param>
internal sealed record WalkStep(DnsName Name, ZoneServers? Zone, IReadOnlyList<ServerAnswer> Answers)
{
    /// <summary>The usable answers.</summary>
    public IReadOnlyList<ServerAnswer> Answering { get; } =
        [.. Answers.Where(answer => answer.Kind != AnswerKind.None)];

    /// <summary>An answer of the majority; <see langword="null"/> if no answer has more than half of the usable
    /// ones.</summary>
    public ServerAnswer? Majority => Answering
        .GroupBy(answer => answer.Vote)
        .FirstOrDefault(group => 2 * group.Count() > Answering.Count)?.First();

    /// <summary>Whether all usable answers are the same.</summary>
    public bool IsUnanimous => Answering.Select(answer => answer.Vote).Distinct().Count() <= 1;

    /// <summary>Whether no usable answer names another alias than the majority's. Then every chain has been
    /// followed.</summary>
    public bool IsConclusive => Majority is { } majority
        && Answering.All(answer =>
            answer.Vote == majority.Vote || answer.Kind is AnswerKind.Absent or AnswerKind.Address);

    /// <summary>Whether servers at two addresses gave the answer, or the zone's only server.</summary>
    public bool IsSupported => Zone is null
        || Answering.Select(answer => answer.Reply!.Server!.Address).Distinct().Count() > 1
        || Zone.AllNames.Count == 1
        || Zone.Servers.Select(server => server.Addresses is [var first, ..] ? first : null).Distinct().Count() == 1;
}

/// <summary>The walk from a name along its aliases.</summary>
internal sealed class Walk
{
    private readonly List<WalkStep> _steps = [];

    /// <summary>The names of the chain.</summary>
    public IReadOnlyList<WalkStep> Steps => _steps;

    /// <summary>Where the walk ended.</summary>
    public WalkEnd End { get; private set; }

    /// <summary>The last name of the chain.</summary>
    public WalkStep? Last => _steps.Count > 0 ? _steps[^1] : null;

    /// <summary>Whether the name certainly does not lead to the target.</summary>
    public bool IsElsewhere => End is WalkEnd.Absent or WalkEnd.Address or WalkEnd.Several or WalkEnd.Loop
        or WalkEnd.TooLong;

    /// <summary>Follows aliases until the target or an end.</summary>
    /// <param name="from">The name.</param>
    /// <param name="target">The target. Names behind it are not asked about.</param>
    /// <param name="longest">The largest number of aliases that are followed.</param>
    /// <param name="ask">Asks about one name. The result is <see langword="null"/> if no server can be asked.</param>
    public async Task FollowAsync(DnsName from, DnsName target, int longest, Func<DnsName, Task<WalkStep?>> ask)
    {
        var seen = new HashSet<DnsName>();
        for (var name = from; name != target;)
        {
            if (!seen.Add(name) || seen.Count > longest)
            {
                End = seen.Count > longest ? WalkEnd.TooLong : WalkEnd.Loop;
                return;
            }

            if (await ask(name) is not { } step)
            {
                End = WalkEnd.NoZone;
                return;
            }

            _steps.Add(step);
            if (step.Majority is not { } majority)
            {
                End = step.Answering.Count == 0 ? WalkEnd.Silent : WalkEnd.Undecided;
                return;
            }

            if (majority.Kind != AnswerKind.Alias)
            {
                End = majority.Kind switch
                {
                    AnswerKind.Address => WalkEnd.Address,
                    AnswerKind.Several => WalkEnd.Several,
                    _ => WalkEnd.Absent,
                };
                return;
            }

            name = majority.Alias!.Value;
        }

        End = WalkEnd.Arrived;
    }
}
