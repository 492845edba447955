using System.Text;
using CsCheck;
using KlingPS.Core.Ledger.Spool;
using KlingPS.Core.Model;
using Microsoft.Extensions.Time.Testing;

namespace KlingPS.Core.Tests.Ledger.Spool;

public sealed class AnswerSpoolTests : IDisposable
{
    private static readonly DateTimeOffset s_now = new(2026, 11, 22, 12, 0, 0, TimeSpan.Zero);

    private static readonly KlingVideoTask s_task = new()
    {
        Id = 7,
        Account = TempLedger.Account,
        Nonce = "0123456789abcdef0123456789abcdef",
        Identity = new string('a', 64),
        TaskId = "t7",
    };

    private static readonly KlingVideoTask s_ended = s_task with
    {
        TaskState = KlingTaskState.Succeeded,
        AcceptedAt = DateTimeOffset.UnixEpoch.AddDays(20000.123),
        CompletedAt = DateTimeOffset.UnixEpoch.AddDays(20000.456),
        CreditsConsumed = 41.125m,
        ResultUri = "https://videos.example/t7.mp4?signature=%2B",
    };

    private readonly string _folder = Directory.CreateTempSubdirectory("klingps-spool-").FullName;
    private readonly FakeTimeProvider _time = new();
    private readonly AnswerSpool _spool;

    public AnswerSpoolTests() => _spool = new AnswerSpool(Path.Combine(_folder, "unrecorded", "ledger"), _time);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private SpooledAnswer[] Kept() => [.. _spool.Read().Select(file => file.Answer!)];

    [Fact]
    public void What_is_kept_comes_back_in_the_order_in_which_it_has_happened()
    {
        SpooledAnswer[] answers =
        [
            SpooledAnswer.Accepted(s_task, "t7"),
            SpooledAnswer.Rejected(s_task, "402", "No credits."),
            SpooledAnswer.Unknown(s_task, "The connection broke."),
            SpooledAnswer.Saving(s_task, Path.Combine(_folder, "Füchsin 🦊.mp4"), new string('1', 64)),
            SpooledAnswer.Saved(s_task, Path.Combine(_folder, "Füchsin 🦊.mp4"), new string('1', 64)),
            SpooledAnswer.Saved(s_ended, Path.Combine(_folder, "Füchsin 🦊.mp4"), new string('1', 64)),
            SpooledAnswer.Ended(s_ended),
            SpooledAnswer.Ended(s_ended with { TaskState = KlingTaskState.Failed, ResultUri = null, FailCode = "501", FailMessage = "Überlastet." }),
        ];
        Assert.False(_spool.HasAny);
        foreach (SpooledAnswer answer in answers)
        {
            Assert.True(_spool.TryKeep(answer));
            _time.Advance(TimeSpan.FromTicks(1));
        }

        Assert.True(_spool.HasAny);
        Assert.Equal(answers, Kept());
    }

    [Fact]
    public void Nobody_else_can_read_it()
    {
        Assert.True(_spool.TryKeep(SpooledAnswer.Accepted(s_task, "t7")));

        string file = Assert.Single(Directory.GetFiles(_spool.Folder));
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(_spool.Folder));
        }
    }

    [Fact]
    public void Every_machine_has_a_folder_of_its_own()
        => Assert.NotEqual(AnswerSpool.FolderOf("/home/shared", "east"), AnswerSpool.FolderOf("/home/shared", "west"));

    [Fact]
    public void What_is_in_the_folders_of_other_names_is_found_in_the_order_in_which_it_has_happened()
    {
        string all = Path.GetDirectoryName(_spool.Folder)!;
        var east = new AnswerSpool(Path.Combine(all, "east"), _time, all);
        var west = new AnswerSpool(Path.Combine(all, "west"), _time, all);
        Assert.False(west.HasAny);
        Assert.True(east.TryKeep(SpooledAnswer.Accepted(s_task, "t1")));
        _time.Advance(TimeSpan.FromTicks(1));
        Assert.True(west.TryKeep(SpooledAnswer.Accepted(s_task, "t2")));
        _time.Advance(TimeSpan.FromTicks(1));
        Assert.True(east.TryKeep(SpooledAnswer.Accepted(s_task, "t3")));

        Assert.Equal([("t1", false), ("t2", true), ("t3", false)], west.Read().Select(file => (file.Answer!.TaskId, file.IsOwn)));
        AnswerSpool.Remove(west.Read()[1]);
        Assert.True(west.HasAny);
    }

    [Fact]
    public void What_a_killed_process_had_only_begun_to_write_is_not_taken_for_an_answer()
    {
        Assert.True(_spool.TryKeep(SpooledAnswer.Accepted(s_task, "t7")));
        File.WriteAllText(Path.Combine(_spool.Folder, ".klingps-0123"), "{\"version\":1,");

        Assert.Single(_spool.Read());
    }

    [Fact]
    public void Where_nothing_can_be_written_nothing_seems_to_be_kept()
    {
        File.WriteAllText(Path.Combine(_folder, "unrecorded"), "a file");

        Assert.False(_spool.TryKeep(SpooledAnswer.Accepted(s_task, "t7")));
        Assert.False(_spool.HasAny);
        Assert.Empty(_spool.Read());
    }

    [Fact]
    public void An_answer_that_was_cut_off_anywhere_is_damaged_and_stays_where_it_is()
    {
        Assert.True(_spool.TryKeep(SpooledAnswer.Accepted(s_task, "t7")));
        string file = Assert.Single(Directory.GetFiles(_spool.Folder));
        byte[] whole = File.ReadAllBytes(file);
        for (int length = 0; length < whole.Length; length++)
        {
            File.WriteAllBytes(file, whole[..length]);

            Assert.Equal(new SpooledFile(file, null, IsOwn: true), Assert.Single(_spool.Read()));
        }

        Assert.True(File.Exists(file));
    }

    [Theory]
    [InlineData("\"kind\":\"Saved\"")]
    [InlineData("\"kind\":\"Ended\",\"state\":\"Succeeded\",\"credits\":42,\"acceptedAt\":\"2026-11-22T12:00:00+00:00\",\"completedAt\":\"2026-11-22T12:03:00+00:00\",\"link\":\"https://a.example/a\"")]
    public void Whatever_is_in_a_file_is_an_answer_that_can_be_recorded_or_damaged(string kind)
    {
        Directory.CreateDirectory(_spool.Folder);
        string file = Path.Combine(_spool.Folder, "1.json");
        byte[] whole = Encoding.UTF8.GetBytes(
            $$"""{"version":1,{{kind}},"account":"a","nonce":"{{s_task.Nonce}}","taskId":"t","path":"/v/a.mp4","hash":"{{new string('1', 64)}}"}""");
        Gen.Select(Gen.Int[0, whole.Length - 1], Gen.Byte, Gen.Int[0, whole.Length]).Sample((at, value, length) =>
        {
            byte[] changed = [.. whole];
            changed[at] = value;
            File.WriteAllBytes(file, changed[..length]);
            SpooledAnswer? answer = Assert.Single(_spool.Read()).Answer;
            return answer is null || (answer.IsSound && answer.FindEnd(s_now) is null or { CreditsConsumed: null or >= 0 and <= VideoPrice.Max });
        });
    }

    [Theory]
    [InlineData("""{"version":2,"kind":"Accepted","account":"a","taskId":"t"}""")]
    [InlineData("""{"version":1,"kind":"Accepted","account":"a"}""")]
    [InlineData("""{"version":1,"kind":"Accepted","account":"","taskId":"t"}""")]
    [InlineData("""{"version":1,"kind":"Accepted","account":"a","taskId":"two words"}""")]
    [InlineData("""{"version":1,"kind":"Rejected","account":"a","reason":"no"}""")]
    [InlineData("""{"version":1,"kind":"Rejected","account":"a","nonce":"; DROP TABLE","reason":"no"}""")]
    [InlineData("""{"version":1,"kind":"Saved","account":"a","taskId":"t","path":"a.mp4","hash":"1"}""")]
    [InlineData("""{"version":1,"kind":"Ended","account":"a","taskId":"t"}""")]
    [InlineData("""{"version":1,"kind":"Ended","account":"a","state":"Succeeded"}""")]
    [InlineData("""{"version":1,"kind":"Ended","account":"a","taskId":"t","state":"Waiting"}""")]
    [InlineData("""{"version":1,"kind":"Ended","account":"a","taskId":"t","state":"Abandoned"}""")]
    [InlineData("""{"version":1,"kind":"Ended","account":"a","taskId":"t","state":99}""")]
    [InlineData("""{"version":1,"kind":"Ended","account":"a","taskId":"t","state":"Succeeded","credits":"many"}""")]
    [InlineData("""{"version":1,"kind":"Ended","account":"a","taskId":"t","state":"Succeeded","credits":1e99}""")]
    [InlineData("""{"version":1,"kind":"Ended","account":"a","taskId":"t","state":"Succeeded","completedAt":"soon"}""")]
    [InlineData("""{"version":1,"kind":"Ended","account":"a","taskId":"t","state":"Succeeded","link":"javascript:alert(1)"}""")]
    [InlineData("""{"version":1,"kind":"Ended","account":"a","taskId":"t","state":"Succeeded","link":"file:///etc/passwd"}""")]
    [InlineData("""{"version":1,"kind":"Ended","account":"a","taskId":"t","state":"Succeeded","link":"https://user:word@videos.example/a.mp4"}""")]
    [InlineData("""{"version":1,"kind":"Bought","account":"a","taskId":"t"}""")]
    [InlineData("""{"version":1,"kind":99,"account":"a","taskId":"t"}""")]
    [InlineData("null")]
    [InlineData("[]")]
    public void What_the_module_does_not_write_is_not_recorded(string json)
    {
        Directory.CreateDirectory(_spool.Folder);
        File.WriteAllText(Path.Combine(_spool.Folder, "1.json"), json);

        Assert.Null(Assert.Single(_spool.Read()).Answer);
    }
}
