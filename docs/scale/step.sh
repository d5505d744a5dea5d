#!/bin/sh
# One job of a plan: the plan, some shards, some buckets, or the report. Entry point of a container.
#
#   PLAN=s3://OUT/november/ step.sh plan s3://LOGS/AWSLogs/ --since 30d
#   PLAN=… COUNT=583 [FIRST=0] [PER=1] step.sh facts [OPTION…]
#   PLAN=… COUNT=2 [FIRST=0] [PER=1] step.sh conclude [OPTION…]
#   PLAN=… REPORT=s3://OUT/reports/november.html step.sh report [OPTION…]
#
# COUNT is the number of shards or buckets of the plan. A job takes PER of them, from FIRST on; in an array
# job of AWS Batch the one with index I takes PER from FIRST + I * PER on. REPORT needs the AWS CLI.
#
# Schedulers know no success but 0, so 1 (findings) and 3 (incomplete, as the report says) become 0. 2 stays:
# it would be the same the next time. Whatever else ends keytrail ends the job too, and a retry may help:
# what is there already is left as it is.
set -u

step=$1
shift

# Runs keytrail. Sets code: 0 for all that is done.
run() {
    keytrail "$@"
    code=$?
    case $code in
    1 | 3)
        echo "step.sh: keytrail $step ended with $code, which is done" >&2
        code=0
        ;;
    esac
}

case $step in
facts) option=--shard ;;
conclude) option=--bucket ;;
plan)
    run plan "$@" -o "$PLAN"
    exit $code
    ;;
report)
    # The suffix tells the format.
    file=${TMPDIR:-/tmp}/${REPORT##*/}
    run report --plan "$PLAN" "$@" -o "$file"
    if [ $code -eq 0 ]; then
        aws s3 cp --only-show-errors "$file" "$REPORT" || code=$?
    fi
    exit $code
    ;;
*)
    echo "step.sh: $step is no step: plan, facts, conclude, report" >&2
    exit 2
    ;;
esac

number=$((${FIRST:-0} + ${AWS_BATCH_JOB_ARRAY_INDEX:-0} * ${PER:-1}))
end=$((number + ${PER:-1}))
[ $end -le "$COUNT" ] || end=$COUNT
worst=0
while [ $number -lt $end ]; do
    run "$step" --plan "$PLAN" $option $number "$@"
    case $code in
    0) ;;
    2) worst=2 ;;
    *) exit $code ;;
    esac
    number=$((number + 1))
done
exit $worst
