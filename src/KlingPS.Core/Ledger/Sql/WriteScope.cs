using KlingPS.Core.Model;

namespace KlingPS.Core.Ledger.Sql;

/// <summary>
/// What a transaction has exclusive use of, on a database where several write at the same time. Two pieces of work whose scopes overlap run one
/// after the other, whatever machines they run on; each then sees everything that the one before it has committed.
/// </summary>
/// <remarks>
/// Claims of an account, and all later changes to its tasks, are in one scope, so decisions that depend on several records are made by one
/// machine at a time. Accounts do not wait for each other, except for purchases that depend on what other accounts do: those with a limit, which may
/// be shared by keys that could turn out to belong to one account, and those that are not made if another account has bought the video, as
/// a conversion makes them. These take turns within a service, and within all services that may be the same one.
/// </remarks>
/// <param name="Kind">The kind.</param>
/// <param name="Name">The account, the task's local id, or the gate.</param>
internal readonly record struct WriteScope(WriteScopeKind Kind, string Name)
{
    /// <summary>The whole ledger: the work is alone.</summary>
    public static WriteScope All => new(WriteScopeKind.All, string.Empty);

    /// <summary>Records that stand for themselves, each written by one statement.</summary>
    public static WriteScope Cache => new(WriteScopeKind.Cache, string.Empty);

    /// <summary>The tasks and uploads of an account.</summary>
    /// <param name="account">The account, or any of its keys.</param>
    public static WriteScope Account(string account) => new(WriteScopeKind.Account, account);

    /// <summary>The same, for a purchase.</summary>
    /// <param name="intent">The purchase.</param>
    public static WriteScope Purchase(TaskIntent intent)
        => new(intent.Budget is not null || intent.RespectsOtherAccounts ? WriteScopeKind.DependentPurchase : WriteScopeKind.Account, intent.Account);

    /// <summary>The account that a task belongs to.</summary>
    /// <param name="id">The local id of the task.</param>
    public static WriteScope Task(long id) => new(WriteScopeKind.Task, Stored.Number(id));

    /// <summary>A rate gate.</summary>
    /// <param name="name">Its name.</param>
    public static WriteScope Gate(string name) => new(WriteScopeKind.Gate, name);
}

/// <summary>The kinds of <see cref="WriteScope"/>.</summary>
internal enum WriteScopeKind
{
    /// <summary>See <see cref="WriteScope.All"/>.</summary>
    All,

    /// <summary>See <see cref="WriteScope.Cache"/>.</summary>
    Cache,

    /// <summary>See <see cref="WriteScope.Account"/>.</summary>
    Account,

    /// <summary>A purchase that depends on what other accounts do; see <see cref="WriteScope.Purchase"/>.</summary>
    DependentPurchase,

    /// <summary>See <see cref="WriteScope.Task"/>.</summary>
    Task,

    /// <summary>See <see cref="WriteScope.Gate"/>.</summary>
    Gate,
}
