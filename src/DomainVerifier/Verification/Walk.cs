using Tracking.Dns;

namespace Tracking.DomainVerifier.Verification;

/// <summary>Where a walk ended.</summary>
internal enum WalkEnd : byte
{
    /// <summary>It is not over: the time was up.</summary>
    Unfinished,

    /// <summary>At the target.</summary>
    Arrived,

    /// <summary>At a name without a record.</summary>
    Absent,

    /// <summary>At a name with addresses.</summary>
    Address,

    /// <summary>At a name with several aliases.</summary>
    Several,

    /// <summary>At a name where it had been before.</summary>
    Loop,

    /// <summary>After more aliases than are followed.</summary>
    TooLong,

    /// <summary>At a name of which as many servers say one thing as another.</summary>
    Undecided,

    /// <summary>At a name of which no server says anything.</summary>
    Silent,

    /// <summary>At a name without a zone.</summary>
    NoZone,
}

/// <summary>A name of the chain, and what was said about it.</summary>
/// <param name="Name">The name.</param>
/// <param name="Zone">Its zone; <see langword="null"/> where the resolver was asked.</param>
/// <param name="Answers">Each server's word.</param>
internal sealed record WalkStep(DnsName Name, ZoneServers? Zone, IReadOnlyList<ServerAnswer> Answers)
{
    /// <summary>Those that count.</summary>
    public IReadOnlyList<ServerAnswer> Answering { get; } =
        [.. Answers.Where(answer => answer.Kind != AnswerKind.None)];

    /// <summary>One that says what more than half of those say that answered; <see langword="null"/> when nothing is
    /// said by so many.</summary>
    public ServerAnswer? Majority => Answering
        .GroupBy(answer => answer.Vote)
        .FirstOrDefault(group => 2 * group.Count() > Answering.Count)?.First();

    /// <summary>Whether all that answered say the same.</summary>
    public bool IsUnanimous => Answering.Select(answer => answer.Vote).Distinct().Count() <= 1;

    /// <summary>Whether nobody who answered names an alias other than the majority's: no way is left that has not been
    /// looked at.</summary>
    public bool IsConclusive => Majority is { } majority
        && Answering.All(answer =>
            answer.Vote == majority.Vote || answer.Kind is AnswerKind.Absent or AnswerKind.Address);

    /// <summary>Whether servers at two addresses said it, or the only one that there is.</summary>
    public bool IsSupported => Zone is null
        || Answering.Select(answer => answer.Reply!.Server!.Address).Distinct().Count() > 1
        || Zone.AllNames.Count == 1
        || Zone.Servers.Select(server => server.Addresses is [var first, ..] ? first : null).Distinct().Count() == 1;
}

/// <summary>The way from a name along its aliases.</summary>
internal sealed class Walk
{
    private readonly List<WalkStep> _steps = [];

    /// <summary>The names on it.</summary>
    public IReadOnlyList<WalkStep> Steps => _steps;

    /// <summary>Where it ended.</summary>
    public WalkEnd End { get; private set; }

    /// <summary>The last name that was looked at.</summary>
    public WalkStep? Last => _steps.Count > 0 ? _steps[^1] : null;

    /// <summary>Whether it certainly does not lead to the target.</summary>
    public bool IsElsewhere => End is WalkEnd.Absent or WalkEnd.Address or WalkEnd.Several or WalkEnd.Loop
        or WalkEnd.TooLong;

    /// <summary>Follows aliases until the target or an end.</summary>
    /// <param name="from">The name.</param>
    /// <param name="target">Where it stops: behind it nothing is asked.</param>
    /// <param name="longest">Aliases that are followed.</param>
    /// <param name="ask">Asks about one name; <see langword="null"/> when there is nobody to ask.</param>
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
