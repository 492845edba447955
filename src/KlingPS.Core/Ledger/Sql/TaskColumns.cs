using System.Collections.Concurrent;
using KlingPS.Core.Model;
using KlingPS.Core.Network;

namespace KlingPS.Core.Ledger.Sql;

/// <summary>How a task is stored: the only mapping between <see cref="KlingVideoTask"/> and the columns of its record.</summary>
/// <remarks>
/// Columns are named, never counted. See <see cref="Schema"/> for their types. A parameter of a video that is never searched for needs no
/// column: it goes into <see cref="MoreParameters"/>.
/// </remarks>
internal static class TaskColumns
{
    /// <summary>A SELECT of whole tasks, with the paths of this machine; the record is <c>t</c>.</summary>
    private const string Select = """
        SELECT t.id, COALESCE(k.account, t.account) AS account, t.task_id, t.state, t.nonce, t.identity, t.replaces, t.model, p.text AS prompt, n.text AS negative_prompt,
            t.duration, t.cfg_scale, t.source_path, t.source_hash, t.image_uri, t.tail_path, t.tail_uri, t.callback_uri, t.take, t.parameters,
            t.created_at, t.accepted_at, t.completed_at, t.reserved, t.consumed, t.fail_code, t.fail_message,
            t.result_uri, COALESCE(f.saved_path, t.saved_path) AS saved_path, COALESCE(f.saved_hash, t.saved_hash) AS saved_hash, t.taken_at, t.held_back_at, t.reversals
        FROM tasks t LEFT JOIN account_keys k ON k.fingerprint = t.account LEFT JOIN saved_files f ON f.task = t.id AND f.machine = @machine
            LEFT JOIN texts p ON p.id = t.prompt_id LEFT JOIN texts n ON n.id = t.negative_prompt_id

        """;

    private const decimal CfgScale = 100;

    /// <summary>The last value of each column that is the same in most tasks of a run. Thousands of tasks may be in memory at the same time, and one copy is enough for all of them.</summary>
    private static readonly ConcurrentDictionary<string, string> s_shared = new(StringComparer.Ordinal);

    /// <summary>Reads whole tasks.</summary>
    /// <param name="session">The session.</param>
    /// <param name="conditions">What follows the select: a condition, an order, a limit. The record is <c>t</c>, and where its videos are saved on this machine is <c>f</c>.</param>
    /// <param name="parameters">The parameters of the conditions.</param>
    public static Task<List<KlingVideoTask>> QueryAsync(SqlSession session, string conditions, params (string Name, object? Value)[] parameters)
        => session.QueryAsync(Select + conditions, row => Read(row, session.LedgerId), [.. parameters, ("machine", session.Machine)]);

    private static KlingVideoTask Read(SqlRow row, string? ledgerId)
    {
        var state = Enum.Parse<KlingTaskState>(row.Text("state"));
        DateTimeOffset? completedAt = row.MomentOrNull("completed_at");
        VideoSpec spec = ReadSpec(row);
        return new KlingVideoTask
        {
            Id = row.Number("id"),
            LedgerId = ledgerId,
            Account = Shared(row, "account")!,
            TaskId = row.TextOrNull("task_id"),
            TaskState = state,
            Nonce = row.TextOrNull("nonce"),
            Identity = row.TextOrNull("identity"),
            Replaces = row.NumberOrNull("replaces"),
            Spec = spec,
            CreatedAt = row.Moment("created_at"),
            AcceptedAt = row.MomentOrNull("accepted_at"),
            CompletedAt = completedAt,
            ExpiresAt = state == KlingTaskState.Succeeded ? completedAt + TaskTransitions.LinkLifetime : null,
            CreditsReserved = ReadPrice(row.Number("reserved"), state.IsPending() || state.IsUnanswered(), spec),
            CreditsConsumed = row.NumberOrNull("consumed") is long consumed ? ReadPrice(consumed, state == KlingTaskState.Succeeded, spec) : null,
            FailCode = ReceivedText.Cut(row.TextOrNull("fail_code"), ReceivedText.MaxCodeLength),
            FailMessage = ReceivedText.Cut(row.TextOrNull("fail_message"), ReceivedText.MaxMessageLength),
            ResultUri = row.TextOrNull("result_uri") is { Length: <= AddressPolicy.MaxLength } link ? link : null,
            SavedPath = row.TextOrNull("saved_path"),
            SavedHash = row.TextOrNull("saved_hash"),
            TakenAt = row.MomentOrNull("taken_at"),
            HeldBackAt = row.MomentOrNull("held_back_at"),
            Reversals = (int)row.Number("reversals"),
        };
    }

    /// <summary>
    /// A price as it was recorded. Earlier versions recorded whatever the service said: a value that cannot be a price counts as the price of such a video,
    /// if it costs anything.
    /// </summary>
    private static decimal ReadPrice(long thousandths, bool isPaid, VideoSpec spec)
        => VideoPrice.From(Stored.ToCredits(thousandths)) ?? (isPaid ? VideoPrice.From(spec.GetCredits()) : null) ?? 0;

    private static VideoSpec ReadSpec(SqlRow row) => MoreParameters.Read(row.TextOrNull("parameters")).AddTo(new VideoSpec
    {
        Model = Shared(row, "model")!,
        Prompt = Shared(row, "prompt"),
        NegativePrompt = Shared(row, "negative_prompt"),

        // Stored for every task, even if it follows from what the video is made from and was not asked for.
        Duration = ModelCatalog.Get(row.Text("model")).TakesLengthOfInput ? null : VideoLength.From(row.Number("duration")),
        CfgScale = row.NumberOrNull("cfg_scale") / CfgScale,
        Image = ReadImage(row.TextOrNull("source_path"), row.TextOrNull("source_hash"), row.TextOrNull("image_uri")),
        TailImage = ReadTailImage(row.TextOrNull("tail_path"), row.TextOrNull("tail_uri")),
        CallbackUri = row.TextOrNull("callback_uri"),
        Take = (int)row.Number("take"),
    });

    private static string? Shared(SqlRow row, string column)
    {
        string? text = row.TextOrNull(column);
        return text is null ? null
            : s_shared.TryGetValue(column, out string? last) && last == text ? last
            : s_shared[column] = text;
    }

    /// <summary>A file whose content was part of the purchase has a hash. Without one, the path only says what was uploaded to the address; see also <see cref="MoreParameters.IsUpload"/>.</summary>
    private static MediaSource? ReadImage(string? path, string? hash, string? uri)
        => path is not null && (hash is not null || uri is null) ? MediaSource.FromFile(path) with { Hash = hash, Uri = uri }
            : uri is not null ? MediaSource.FromUri(uri, uploadedFrom: path) with { Hash = hash }
            : null;

    /// <summary>A tail image only has a path if it was given as a file.</summary>
    private static MediaSource? ReadTailImage(string? path, string? uri)
        => path is not null ? MediaSource.FromFile(path) with { Uri = uri }
            : uri is not null ? MediaSource.FromUri(uri)
            : null;

    /// <summary>The columns of a task that never change.</summary>
    public static (string Column, object? Value)[] Fixed(KlingVideoTask task) =>
    [
        ("account", task.Account),
        ("nonce", task.Nonce),
        ("replaces", task.Replaces),
        ("created_at", Stored.FromMoment(task.CreatedAt)),
    ];

    /// <summary>The columns that say what was asked for, without its texts. They change once if that was not known at first.</summary>
    public static (string Column, object? Value)[] Asked(KlingVideoTask task) =>
    [
        ("identity", task.Identity),
        ("model", task.Model),
        ("duration", task.Spec.Seconds),
        ("cfg_scale", task.CfgScale is decimal scale ? (long)decimal.Round(scale * CfgScale) : null),
        ("source_path", task.SourcePath),
        ("source_hash", task.SourceHash),
        ("image_uri", task.ImageUri),
        ("tail_path", task.TailImagePath),
        ("tail_uri", task.TailImageUri),
        ("callback_uri", task.CallbackUri),
        ("take", task.Take),
        ("parameters", MoreParameters.From(task.Spec).Write()),
    ];

    /// <summary>The columns that a transition changes.</summary>
    public static (string Column, object? Value)[] Changing(KlingVideoTask task) =>
    [
        ("task_id", task.TaskId),
        ("state", task.State),
        ("accepted_at", Stored.FromMoment(task.AcceptedAt)),
        ("completed_at", Stored.FromMoment(task.CompletedAt)),
        ("reserved", Stored.FromCredits(task.CreditsReserved)),
        ("consumed", Stored.FromCredits(task.CreditsConsumed)),
        ("result_uri", task.ResultUri),
        ("fail_code", task.FailCode),
        ("fail_message", task.FailMessage),
        ("saved_hash", task.SavedHash),
        ("taken_at", Stored.FromMoment(task.TakenAt)),
        ("held_back_at", Stored.FromMoment(task.HeldBackAt)),
        ("reversals", task.Reversals),
    ];
}
