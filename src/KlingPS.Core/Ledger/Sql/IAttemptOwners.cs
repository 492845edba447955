namespace KlingPS.Core.Ledger.Sql;

/// <summary>What is known about the sender of a request.</summary>
internal enum OwnerState
{
    /// <summary>It is running: what it has begun is its own, however long that takes.</summary>
    Alive,

    /// <summary>It has ended: nobody will record the outcome of its request.</summary>
    Gone,

    /// <summary>It used to say that it was running, and has stopped saying so: it has ended, is stopped, or is cut off from the ledger.</summary>
    Silent,

    /// <summary>Nothing can be found out about it from here. It counts as gone only when it has been silent for longer than a request can take.</summary>
    Unseen,
}

/// <summary>Tells who sends a request, and whether another sender can still record the response to one.</summary>
internal interface IAttemptOwners
{
    /// <summary>The name of this process, recorded with everything it has under way. No other process has ever had it, or ever will.</summary>
    string Current { get; }

    /// <summary>The name of an owner as users know it.</summary>
    /// <param name="owner">The recorded name.</param>
    string Describe(string owner);

    /// <summary>Whether the owner of a request can still record its outcome.</summary>
    /// <param name="session">A session of the ledger, for owners who report there.</param>
    /// <param name="owner">The recorded name.</param>
    ValueTask<OwnerState> FindStateAsync(SqlSession session, string owner);

    /// <summary>How often this process says that it is running, while it has something under way; <see langword="null"/> if nobody needs to be told.</summary>
    TimeSpan? BeatInterval => null;

    /// <summary>Says that this process is running. Part of each transaction that records that a request is about to leave.</summary>
    /// <param name="session">A transaction.</param>
    Task<int> BeatAsync(SqlSession session) => Task.FromResult(0);

    /// <summary>Withdraws that: this process has nothing under way.</summary>
    /// <param name="session">A transaction.</param>
    Task<int> RestAsync(SqlSession session) => Task.FromResult(0);
}
